import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import fixture from "./fixtures/roberta.json" with { type: "json" };
import { createFileTokenizer, type FileTokenizerOptions } from "./file-tokenizer.ts";
import type { TokenizerFiles } from "./pipeline/tokenizer-files.ts";

const createRobertaTokenizer = (
  files: TokenizerFiles,
  options: FileTokenizerOptions = {},
): ReturnType<typeof createFileTokenizer> =>
  createFileTokenizer(files, { usualClass: "RobertaTokenizer", contextLength: 512, ...options });

/** The part of roberta-base's vocabulary that the strings below need; ids are the published ones. */
const files = {
  "vocab.json": JSON.stringify(fixture.vocab),
  "merges.txt": `#version: 0.2\n${fixture.merges.join("\n")}\n`,
};
const tokenizer = createRobertaTokenizer(files);

test.each(fixture.cases)("$text becomes the ids of Hugging Face's tokenizer", ({ text, ids }) => {
  expect(tokenizer.encode(text)).toEqual(ids);
});

test.each(fixture.cases)("$text comes back", ({ text }) => {
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
});

test("its files make it again", () => {
  const written = Object.entries(tokenizer.files()).map(([name, content]) => [
    name,
    typeof content === "string" ? content : JSON.stringify(content),
  ]);
  const again = createRobertaTokenizer(Object.fromEntries(written) as TokenizerFiles);
  const [{ text, ids }] = fixture.cases.slice(-1) as [(typeof fixture.cases)[number]];
  expect(again.encode(text)).toEqual(ids);
});

test("a long caption is cut and still ends with the end token", () => {
  const short = createRobertaTokenizer(files, { contextLength: 6 });
  const all = tokenizer.encode("a photo of a cat on a photo of a cat");
  expect(short.encode("a photo of a cat on a photo of a cat")).toEqual([...all.slice(0, 5), 2]);
});

test("rows of a batch are padded with the padding token", () => {
  const { inputIds, lengths, tokens } = tokenizer.encodeBatch(["a cat", ""], { multiple: 4 });
  expect(tokens).toBe(4);
  expect([...lengths]).toEqual([4, 2]);
  expect([...inputIds]).toEqual([...tokenizer.encode("a cat"), 0, 2, 1, 1]);
});

test("special tokens in a caption are plain text unless they are asked for", () => {
  expect(tokenizer.encode("</s>").slice(1, -1)).not.toContain(2);
  const reading = createRobertaTokenizer(files, { parseSpecialTokens: true });
  expect(reading.encode("a cat</s> <mask> a")).toEqual([
    ...tokenizer.encode("a cat").slice(0, -1),
    2,
    fixture.vocab["<mask>"],
    ...tokenizer.encode(" a").slice(1),
  ]);
});

test.each<readonly [TokenizerFiles, string]>([
  [{ ...files, "vocab.json": "{" }, "vocab.json is no JSON"],
  [{ ...files, "vocab.json": '{"<s>":"b","</s>":2}' }, "bos_token should be a whole number"],
  [{ ...files, "vocab.json": '{"<s>":0,"</s>":2,"<pad>":1}' }, "lacks the token"],
  [{ ...files, "merges.txt": "#version: 0.2\na" }, "merges[0] should be a merge of two tokens"],
  [{ ...files, "vocab.json": '{"a":0}', "merges.txt": "" }, "bos_token should be"],
  [{ ...files, "tokenizer_config.json": "[]" }, "tokenizer_config.json should be an object"],
])("files that are none are refused (%#)", (broken, message) => {
  let caught: unknown;
  try {
    createRobertaTokenizer(broken);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error(`expected a ClipError, got ${String(caught)}`);
  expect(caught.code).toBe("bad-data");
  expect(caught.message).toContain(message);
});
