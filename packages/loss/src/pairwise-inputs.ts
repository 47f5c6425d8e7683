import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** Features of matching pairs and what turns their cosines into logits. */
export interface PairwiseInputs {
  /** [batch, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [batch, joint], unit rows; row i belongs to image i. */
  readonly textFeatures: Tensor;
  /** One number: the factor on the cosines. */
  readonly scale: Tensor;
  /** One number added to every logit, if there is one. */
  readonly bias?: Tensor;
}

/** The number of pairs. @throws ClipError "bad-shape" if images and texts do not match row by row. */
export function pairCount({ imageFeatures, textFeatures }: PairwiseInputs): number {
  assertShape(imageFeatures, ["batch", "joint"], "image features");
  assertShape(textFeatures, imageFeatures.shape, "text features of the same pairs");
  return axisLength(imageFeatures, 0);
}

/** Rows `start` to `end` of the [batch, batch] matrix that compares every image with every text. */
export interface RowChunk {
  readonly start: number;
  readonly end: number;
}

/** Entries of the matrix in memory at a time unless the caller chooses: 64 MiB of them. */
const defaultEntries = 2 ** 24;

/** Splits the matrix of all pairs: `chunk` rows at a time, or as many as 64 MiB hold. */
export function rowChunks(batch: number, chunk?: number): RowChunk[] {
  const rows = chunk ?? Math.max(1, Math.floor(defaultEntries / batch));
  if (!Number.isInteger(rows) || rows < 1) {
    throw new ClipError(
      "bad-argument",
      `chunk: expected a whole number of rows from 1, got ${rows}.`,
    );
  }
  return Array.from({ length: Math.ceil(batch / rows) }, (_, index) => ({
    start: index * rows,
    end: Math.min(batch, (index + 1) * rows),
  }));
}
