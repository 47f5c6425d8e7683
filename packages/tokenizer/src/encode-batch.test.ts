import fc from "fast-check";
import { expect, test } from "vitest";
import { createClipTokenizer } from "./tokenizer.ts";

const tokenizer = createClipTokenizer();
const captions = fc.array(fc.lorem({ maxCount: 40 }), { maxLength: 6 });

test("rows hold the ids of each caption, then padding", () => {
  fc.assert(
    fc.property(captions, fc.integer({ min: 0, max: 49_407 }), (texts, padId) => {
      const { inputIds, batch, tokens, lengths } = createClipTokenizer({ padId }).encodeBatch(texts);
      expect([batch, tokens, inputIds.length]).toEqual([texts.length, 77, texts.length * 77]);
      for (const [index, text] of texts.entries()) {
        const row = Array.from(inputIds.subarray(index * tokens, (index + 1) * tokens));
        const ids = tokenizer.encode(text);
        expect(lengths[index]).toBe(ids.length);
        expect(row.slice(0, ids.length)).toEqual(ids);
        expect(row.slice(ids.length).every((id) => id === padId)).toBe(true);
      }
    }),
  );
});

test("a multiple makes rows as wide as the longest caption needs, up to the context length", () => {
  expect(tokenizer.encodeBatch(["a cat"], { multiple: 8 }).tokens).toBe(8);
  expect(tokenizer.encodeBatch(["a cat ".repeat(4)], { multiple: 8 }).tokens).toBe(16);
  expect(tokenizer.encodeBatch(["a cat ".repeat(99)], { multiple: 8 }).tokens).toBe(77);
  expect(tokenizer.encodeBatch(["a cat ".repeat(99)], { multiple: 8, tokens: 30 }).tokens).toBe(30);
  expect(tokenizer.encodeBatch([], { multiple: 8 })).toMatchObject({ batch: 0, tokens: 8 });
});

test("narrow rows cut captions as a short context does", () => {
  fc.assert(
    fc.property(captions, fc.integer({ min: 3, max: 77 }), (texts, tokens) => {
      const narrow = createClipTokenizer({ contextLength: tokens });
      expect(tokenizer.encodeBatch(texts, { tokens })).toEqual(narrow.encodeBatch(texts));
    }),
  );
});

test.each([{ tokens: 2 }, { tokens: 78 }, { multiple: 0 }, { multiple: 2.5 }])("refuses the width %j", (options) => {
  expect(() => tokenizer.encodeBatch(["a"], options)).toThrowError(/must be a whole number/);
});

test("refuses a caption that is no array", () => {
  const caption = "a cat" as unknown as string[];
  expect(() => tokenizer.encodeBatch(caption)).toThrowError(/array of captions, got string/);
});
