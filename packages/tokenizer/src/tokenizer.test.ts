import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cleanText } from "./clean-text.ts";
import { createClipTokenizer } from "./tokenizer.ts";

interface Golden {
  readonly text: string;
  readonly ids: readonly number[];
}

const fixture = (name: string): Golden[] =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8")) as Golden[];

const tokenizer = createClipTokenizer();
const original = createClipTokenizer({ parseSpecialTokens: true });
const caption = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.lorem());

test.each(fixture("openai-clip"))("gives OpenAI's ids for $text", ({ text, ids }) => {
  expect(original.encode(text)).toEqual(ids);
});

test("gives OpenAI's ids for strings made to be hard", () => {
  for (const { text, ids } of fixture("hard-strings")) {
    expect({ text, ids: original.encode(text) }).toEqual({ text, ids });
  }
});

test("a special token in a caption is plain text unless asked for", () => {
  const { startId, endId } = tokenizer;
  fc.assert(
    fc.property(fc.array(fc.constantFrom("<|endoftext|>", "<|startoftext|>", "a", " ")), (parts) => {
      const inner = tokenizer.encode(parts.join("")).slice(1, -1);
      expect(inner).not.toContain(startId);
      expect(inner).not.toContain(endId);
    }),
  );
  expect(original.encode("<|endoftext|>")).toEqual([startId, endId, endId]);
  expect(original.encode("<|EndOfText|>")).toEqual([startId, endId, endId]);
});

test("ids start with start, end with end and never exceed the context length", () => {
  fc.assert(
    fc.property(caption, fc.integer({ min: 3, max: 12 }), (text, contextLength) => {
      const short = createClipTokenizer({ contextLength });
      const ids = short.encode(text);
      const whole = tokenizer.encode(text);
      expect(ids.length).toBe(Math.min(whole.length, contextLength));
      expect(ids.slice(0, -1)).toEqual(whole.slice(0, ids.length - 1));
      expect(ids.at(-1)).toBe(short.endId);
    }),
  );
});

test("a long caption is cut with the end token in the last place", () => {
  const ids = tokenizer.encode("cat ".repeat(200));
  expect(ids).toHaveLength(77);
  expect(ids.slice(-2)).toEqual([2368, 49_407]);
});

test("decoding gives the words back, with one blank between tokens that end a word", () => {
  const long = createClipTokenizer({ contextLength: 1000 });
  const letters = fc.stringMatching(/^[a-z]{1,9}$/);
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 12 }), (words) => {
      expect(tokenizer.decode(tokenizer.encode(words.join(" ")))).toBe(words.join(" "));
    }),
  );
  fc.assert(
    fc.property(caption, (text) => {
      const blanks = /\s|\u0085|\u0345/gu;
      const decoded = long.decode(long.encode(text));
      expect(decoded.replace(blanks, "")).toBe(cleanText(text).replace(blanks, ""));
    }),
  );
});

test("decoding stops at the end token, so padding is not read", () => {
  const { inputIds } = tokenizer.encodeBatch(["Hello, world!"]);
  expect(tokenizer.decode(inputIds)).toBe("hello , world !");
});

test("a short vocabulary uses only its own ids", () => {
  fc.assert(
    fc.property(caption, fc.integer({ min: 514, max: 3000 }), (text, vocabSize) => {
      const small = createClipTokenizer({ vocabSize });
      const ids = small.encode(text);
      expect(Math.max(...ids)).toBe(vocabSize - 1);
      expect(ids[0]).toBe(vocabSize - 2);
    }),
  );
  const bytes = createClipTokenizer({ vocabSize: 514 });
  expect(bytes.encode("cat")).toEqual([512, 66, 64, 83 + 256, 513]);
  expect(createClipTokenizer({ vocabSize: 515 }).encode("inn")).toEqual([513, 512, 77 + 256, 514]);
});

test("offsets name the words of the cleaned text and the tokens they became", () => {
  fc.assert(
    fc.property(caption, fc.integer({ min: 3, max: 40 }), (text, contextLength) => {
      const short = createClipTokenizer({ contextLength });
      const { ids, words, cleaned } = short.encodeWithOffsets(text);
      expect(ids).toEqual(short.encode(text));
      let next = 1;
      for (const word of words) {
        expect(cleaned.slice(word.start, word.end)).toBe(word.text);
        expect(word.firstToken).toBe(next);
        expect(word.lastToken).toBeGreaterThanOrEqual(word.firstToken);
        next = word.lastToken + 1;
      }
      expect(next).toBe(ids.length - 1);
    }),
  );
  expect(tokenizer.encodeWithOffsets("A  Shiba-Inu").words).toEqual([
    { text: "a", start: 0, end: 1, firstToken: 1, lastToken: 1 },
    { text: "shiba", start: 2, end: 7, firstToken: 2, lastToken: 3 },
    { text: "-", start: 7, end: 8, firstToken: 4, lastToken: 4 },
    { text: "inu", start: 8, end: 11, firstToken: 5, lastToken: 6 },
  ]);
});

test("without cleaning, HTML and mojibake stay but case and white space are still tidied", () => {
  const plain = createClipTokenizer({ clean: false });
  const { cleaned } = plain.encodeWithOffsets("  A &amp;\n B ");
  expect(cleaned).toBe("a &amp; b");
  fc.assert(
    fc.property(fc.lorem(), (text) => {
      expect(plain.encode(text)).toEqual(tokenizer.encode(text));
    }),
  );
});

test("remembered words give the same ids again", () => {
  fc.assert(
    fc.property(caption, (text) => {
      expect(tokenizer.encode(text)).toEqual(createClipTokenizer().encode(text));
    }),
    { numRuns: 30 },
  );
});

test("a very long word is encoded within the context length", () => {
  expect(tokenizer.encode("ha".repeat(20_000))).toHaveLength(77);
});

test.each<unknown>([undefined, null, 7, ["a cat"]])("refuses the caption %j", (text) => {
  expect(() => tokenizer.encode(text as string)).toThrowError(/caption must be a string/i);
});

test.each([-1, 49_408, 1.5, Number.NaN])("refuses to decode the id %d", (id) => {
  expect(() => tokenizer.decode([49_406, id])).toThrowError(/from 0 to 49407, got/);
});

test.each([
  [{ contextLength: 2 }, /contextLength must be a whole number 3 or more, got 2/],
  [{ contextLength: 7.5 }, /contextLength/],
  [{ vocabSize: 513 }, /vocabSize must be a whole number from 514 to 49408, got 513/],
  [{ vocabSize: 49_409 }, /vocabSize/],
  [{ padId: -1 }, /padId/],
  [{ vocabSize: 600, padId: 600 }, /padId must be a whole number from 0 to 599, got 600/],
])("refuses the options %j", (options, message) => {
  expect(() => createClipTokenizer(options)).toThrowError(message);
});
