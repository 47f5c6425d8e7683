import {
  add,
  cast,
  div,
  equal,
  expandDims,
  eye,
  mul,
  slice,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { ClipError } from "@clip-ts/base";
import { assertShape } from "@clip-ts/core";
import type { RowChunk } from "./pairwise-inputs.ts";

/** Which texts are right for an image, and how sure of it the loss should be. */
export interface TargetOptions {
  /**
   * [batch] int32: pairs with the same number show or say the same thing, so each one's text is right
   * for the other's image too. Every pair stands alone by default.
   */
  readonly groups?: Tensor;
  /** Share of each row of targets that is spread evenly over the batch: 0 by default, below 1. */
  readonly labelSmoothing?: number;
}

/** Checks the options against the number of pairs. @throws ClipError "bad-argument" or "bad-shape". */
export function checkTargets(batch: number, { groups, labelSmoothing = 0 }: TargetOptions): void {
  if (groups !== undefined) assertShape(groups, [batch], "groups of the pairs");
  if (labelSmoothing >= 0 && labelSmoothing < 1) return;
  throw new ClipError(
    "bad-argument",
    `labelSmoothing: expected at least 0 and below 1, got ${labelSmoothing}.`,
  );
}

/**
 * For a chunk of images, an even share of 1 for each text of the same group. Groups do not overlap, so
 * the full matrix is symmetric and its columns are the texts' targets. → [rows, batch].
 */
export function groupTargets(groups: Tensor, { start, end }: RowChunk): Tensor {
  const own = slice(groups, [start], [end - start]);
  const alike = cast(equal(expandDims(own, 1), expandDims(groups, 0)), "float32");
  return div(alike, sum(alike, 1, true));
}

/** The probabilities that the loss asks of every image and every text. → symmetric [batch, batch]. */
export function pairTargets(batch: number, options: TargetOptions): Tensor {
  const { groups, labelSmoothing = 0 } = options;
  const right = groups === undefined ? eye(batch) : groupTargets(groups, { start: 0, end: batch });
  if (labelSmoothing === 0) return right;
  return add(mul(right, 1 - labelSmoothing), labelSmoothing / batch);
}
