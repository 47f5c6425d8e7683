import { expect, test } from "vitest";
import { createClipTokenizer, createFileTokenizer, describeTokenizer, tokenizerFrom, type Tokenizer } from "./index.ts";

const captions = [
  "a photo of a cat",
  "  Ünïcode,  &amp; mojibake: schÃ¶n!  ",
  "<|endoftext|> in the middle",
  "one two three four five six seven eight nine ten",
  "",
];

/** As a thread gets it. */
function made(tokenizer: Tokenizer): Tokenizer {
  return tokenizerFrom(structuredClone(describeTokenizer(tokenizer)!));
}

const clip = createClipTokenizer({ vocabSize: 2000 });
const files = Object.fromEntries(
  Object.entries(clip.files()).map(([name, content]) => [name, JSON.stringify(content)]),
);

test.each([
  ["CLIP's", createClipTokenizer()],
  ["CLIP's, cut, uncleaned", createClipTokenizer({ vocabSize: 1000, contextLength: 9, padId: 3, clean: false })],
  ["CLIP's that reads special tokens", createClipTokenizer({ parseSpecialTokens: true, fillsContext: true })],
  ["one of files", createFileTokenizer(files)],
  ["one of files with other settings", createFileTokenizer(files, { contextLength: 7, cleaning: "canonicalize" })],
  ["one of files that reads special tokens", createFileTokenizer(files, { parseSpecialTokens: true, padId: 5 })],
])("a tokenizer made of its description gives the same ids: %s", (_, tokenizer) => {
  const again = made(tokenizer);
  expect(captions.map((caption) => again.encode(caption))).toEqual(captions.map((text) => tokenizer.encode(text)));
  expect(again.encodeBatch(captions, { multiple: 4 })).toEqual(tokenizer.encodeBatch(captions, { multiple: 4 }));
  expect(again).toMatchObject({ padId: tokenizer.padId, endId: tokenizer.endId, cleaning: tokenizer.cleaning });
});

test("a copy with another function has no description: what it would give is not known", () => {
  expect(describeTokenizer({ ...clip, encode: () => [1, 2, 3] })).toBeUndefined();
});
