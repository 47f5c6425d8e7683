import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { toHuggingFaceFiles } from "./hugging-face-files.ts";
import { createClipTokenizer } from "./tokenizer.ts";

interface TokenizerJson {
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  readonly post_processor: { readonly cls: unknown; readonly sep: unknown };
  readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly string[] };
}

/** Keys in alphabetical order, so that equal values have equal text. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("the full vocabulary makes the published tokenizer.json and tokenizer_config.json", () => {
  const files = toHuggingFaceFiles(createClipTokenizer());
  expect(sha256(canonical(files["tokenizer.json"]))).toBe(
    "fc742fa4acd3a3f1fad39c05a8f30c42aa8d8f73ac7c42fb0478914782c6ebdc",
  );
  expect(sha256(canonical(files["tokenizer_config.json"]))).toBe(
    "8ef68e19b63a27bfecd90a33e075013590b1e885169f6e9f4205a4404f6d1c25",
  );
});

test("a short vocabulary keeps ids, merges and special tokens consistent", () => {
  const tokenizer = createClipTokenizer({ vocabSize: 600, contextLength: 16 });
  const files = toHuggingFaceFiles(tokenizer);
  const { added_tokens, post_processor, model } = files["tokenizer.json"] as TokenizerJson;
  expect(Object.values(model.vocab).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, id) => id));
  expect(model.merges).toHaveLength(600 - 514);
  for (const merge of model.merges) expect(model.vocab).toHaveProperty([merge.replace(" ", "")]);
  expect(added_tokens.map(({ id }) => id)).toEqual([598, 599]);
  expect(post_processor.cls).toEqual(["<|startoftext|>", 598]);
  expect(post_processor.sep).toEqual(["<|endoftext|>", 599]);
  expect(files["tokenizer_config.json"]).toMatchObject({ model_max_length: 16 });
});

test("they are the files of the tokenizer itself", () => {
  const tokenizer = createClipTokenizer({ vocabSize: 600 });
  expect(tokenizer.files()).toEqual(toHuggingFaceFiles(tokenizer));
});
