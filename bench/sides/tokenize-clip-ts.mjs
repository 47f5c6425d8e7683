// @ts-check
// Tokenizing by clip-ts.
import { readFileSync } from "node:fs";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { serve } from "../measure/serve.mjs";

await serve(async ({ captions }) => {
  const tokenizer = createClipTokenizer();
  const texts = readFileSync(captions, "utf8").split("\n");
  return {
    facts: { version: "" },
    run: () => tokenizer.encodeBatch(texts),
    show({ round }, { inputIds, tokens, lengths }) {
      if (round > 0) return undefined;
      return [...lengths].map((length, row) => [...inputIds.subarray(row * tokens, row * tokens + length)]);
    },
  };
});
