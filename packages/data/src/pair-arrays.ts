import type { Batch } from "./batch.ts";

/** Numbers in memory, row by row. */
interface PairArray<Data> {
  readonly data: Data;
  readonly shape: readonly number[];
}

/** A batch's pixels and token ids as arrays with shapes, in its memory, by the names that CLIP's objectives read. */
export interface PairArrays {
  /** [batch, 3, imageSize, imageSize]. */
  readonly pixelValues: PairArray<Float32Array>;
  /** [batch, tokens]. */
  readonly inputIds: PairArray<Int32Array>;
}

/** The arrays of a batch for whatever trains or embeds it. */
export function pairArrays(batch: Batch): PairArrays {
  const { pixelValues, inputIds, batch: rows, imageSize, tokens } = batch;
  return {
    pixelValues: { data: pixelValues, shape: [rows, 3, imageSize, imageSize] },
    inputIds: { data: inputIds, shape: [rows, tokens] },
  };
}
