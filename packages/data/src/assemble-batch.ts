import type { Tokenizer } from "@clip-ts/tokenizer";
import type { Batch, Cursor } from "./batch.ts";
import type { PlannedPair } from "./pair-source.ts";

/** A pair whose image is ready for the model. */
export interface PreparedPair extends PlannedPair {
  /** [3, size, size], normalised. */
  readonly planes: Float32Array;
}

/** Puts pairs into one batch, padded to the longest caption rounded up to a multiple. */
export function assembleBatch(
  pairs: readonly PreparedPair[],
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
  const length = 3 * imageSize * imageSize;
  const pixelValues = new Float32Array(pairs.length * length);
  for (const [row, { planes }] of pairs.entries()) pixelValues.set(planes, row * length);
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
