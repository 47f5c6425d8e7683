// @ts-check
// Tokenizing by transformers.js, from the tokenizer files that clip-ts writes.
import { readFileSync } from "node:fs";
import { AutoTokenizer, env } from "@huggingface/transformers";
import { serve } from "../measure/serve.mjs";

await serve(async ({ captions, folder }) => {
  env.allowRemoteModels = false;
  const tokenizer = await AutoTokenizer.from_pretrained(folder);
  const texts = readFileSync(captions, "utf8").split("\n");
  const options = /** @type {const} */ ({
    padding: "max_length",
    truncation: true,
    max_length: 77,
  });
  return {
    facts: { version: `@huggingface/transformers ${env.version}` },
    run: () => tokenizer(texts, options),
    show({ round }, { input_ids: ids, attention_mask: mask }) {
      if (round > 0) return undefined;
      const [rows, width] = ids.dims;
      return Array.from({ length: rows }, (_, row) => {
        const [start, end] = [row * width, (row + 1) * width];
        const length = mask.data.subarray(start, end).filter(Boolean).length;
        return [...ids.data.subarray(start, start + length)].map(Number);
      });
    },
  };
});
