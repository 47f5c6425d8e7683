import type { Tokenizer } from "@clip-ts/tokenizer";
import type { Batch, Cursor } from "./batch.ts";
import type { PlannedPair } from "./pair-source.ts";

/**
 * Makes a batch of pairs and their pixels, row by row; captions are padded to the longest, rounded up
 * to a multiple. Takes the pixels over: those of a large batch should not exist twice.
 */
export function assembleBatch(
  pairs: readonly PlannedPair[],
  pixelValues: Float32Array,
  position: Cursor,
  settings: {
    readonly tokenizer: Tokenizer;
    readonly bucketMultiple: number;
    readonly preprocess: { readonly size: number };
  },
): Batch {
  const { tokenizer, bucketMultiple } = settings;
  const imageSize = settings.preprocess.size;
  const captions = pairs.map(({ caption }) => caption);
  const { inputIds, tokens } = tokenizer.encodeBatch(captions, { multiple: bucketMultiple });
  return {
    pixelValues,
    inputIds,
    batch: pairs.length,
    tokens,
    imageSize,
    keys: pairs.map(({ record }) => record.key),
    captions,
    epoch: position.epoch,
    index: position.batch,
  };
}
