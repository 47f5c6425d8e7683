import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import fixture from "./fixtures/siglip.json" with { type: "json" };
import { canonicalizeText } from "./clean-text.ts";
import { createFileTokenizer, type FileTokenizerOptions } from "./file-tokenizer.ts";
import type { TokenizerFiles } from "./pipeline/tokenizer-files.ts";

const createSiglipTokenizer = (
  files: TokenizerFiles,
  options: FileTokenizerOptions = {},
): ReturnType<typeof createFileTokenizer> =>
  createFileTokenizer(files, {
    contextLength: 64,
    cleaning: "siglip",
    fillsContext: true,
    ...options,
  });

/** A small tokenizer of SigLIP's kind, made with Hugging Face's library. */
const files = {
  "tokenizer.json": JSON.stringify(fixture.tokenizer),
  "tokenizer_config.json": JSON.stringify({ eos_token: "</s>", pad_token: { content: "</s>" } }),
};
const tokenizer = createSiglipTokenizer(files);

test.each(fixture.cases)("$text becomes the ids of Hugging Face's library", ({ text, ids }) => {
  expect(tokenizer.encode(text)).toEqual(ids);
});

test.each([
  ["A photo, of {a} CAT!", "a photo of a cat"],
  ["  two\n\tlines ", "two lines"],
  ["under_score-dash", "underscoredash"],
  ["“curly” ¿quotes? stay", "“curly” ¿quotes stay"],
  ["... !", ""],
  ["ÅNGSTRÖM\u0085x\u001cy", "ångström x y"],
])("%j is canonicalised to %j", (text, expected) => {
  expect(canonicalizeText(text)).toBe(expected);
  expect(canonicalizeText(expected)).toBe(expected);
});

test("every batch is as wide as the context, whatever is asked for", () => {
  const { inputIds, tokens, lengths } = tokenizer.encodeBatch(["a cat", "a"], { multiple: 8 });
  expect(tokens).toBe(64);
  expect(inputIds).toHaveLength(128);
  expect(inputIds.subarray(lengths[0], 64).every((id) => id === 1)).toBe(true);
});

test("a long caption is cut and still ends with the end token", () => {
  const short = createSiglipTokenizer(files, { contextLength: 4 });
  const all = tokenizer.encode("a photo of a cat");
  expect(short.encode("a photo of a cat")).toEqual([...all.slice(0, 3), 1]);
});

test("ids come back as the canonical text", () => {
  expect(tokenizer.decode([...tokenizer.encode("A photo of a cat."), 1, 1])).toBe("a photo of a cat");
});

test("without canonicalisation the file alone decides", () => {
  const raw = createSiglipTokenizer(files, { cleaning: "none" });
  expect(raw.encode("A Photo, of a CAT!!")).toEqual(tokenizer.encode("a photo of a cat"));
});

test("its files make it again, cleaning included", () => {
  const { "tokenizer.json": model, "tokenizer_config.json": config } = tokenizer.files();
  const again = createFileTokenizer({
    "tokenizer.json": JSON.stringify(model),
    "tokenizer_config.json": JSON.stringify(config),
  });
  expect(again.cleaning).toBe("siglip");
  for (const text of ["a photo of a cat", " A Photo;  of_a CAT!"]) {
    expect(again.encode(text)).toEqual(tokenizer.encode(text));
  }
  // Others know the cleaning from the steps alone.
  const steps = createFileTokenizer({ "tokenizer.json": JSON.stringify(model) });
  expect(steps.encode(" A Photo;  of_a CAT!")).toEqual(tokenizer.encode(" A Photo;  of_a CAT!"));
});

test.each([
  [{ "tokenizer.json": "<html>" }, "tokenizer.json is no JSON"],
  [{ ...files, "tokenizer_config.json": '{"eos_token":7}' }, "eos_token should be an object"],
])("files that are none are refused (%#)", (broken, message) => {
  let caught: unknown;
  try {
    createSiglipTokenizer(broken);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error(`expected a ClipError, got ${String(caught)}`);
  expect(caught.code).toBe("bad-data");
  expect(caught.message).toContain(message);
});
