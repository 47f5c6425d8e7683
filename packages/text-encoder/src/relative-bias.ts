import { embed, type EmbeddingParams } from "@clip-ts/core";
import {
  add,
  cast,
  expandDims,
  greater,
  greaterEqual,
  mul,
  neg,
  relu,
  range,
  sub,
  sum,
  tensor1d,
  transpose,
  type Tensor,
} from "@tensorflow/tfjs-core";

/** How distances between tokens are told apart. */
export interface RelativeBuckets {
  /** How many kinds of distance there are, both directions together. */
  readonly buckets: number;
  /** From here on all distances are one. */
  readonly maxDistance: number;
}

/**
 * The number of a distance among those of one direction: itself while it is small, then by its logarithm, in 32
 * bits as PyTorch computes it.
 */
function bucketOf(distance: number, buckets: number, maxDistance: number): number {
  const exact = Math.floor(buckets / 2);
  if (distance < exact) return distance;
  const share = Math.fround(
    Math.fround(Math.log(Math.fround(distance / exact))) / Math.fround(Math.log(maxDistance / exact)),
  );
  return Math.min(exact + Math.floor(Math.fround(share * (buckets - exact))), buckets - 1);
}

/** The smallest distance of each bucket of one direction but the first; those that no distance reaches are left out. */
export function bucketStarts({ buckets, maxDistance }: RelativeBuckets): number[] {
  const half = Math.floor(buckets / 2);
  const starts: number[] = [];
  for (let distance = 1; distance <= maxDistance; distance++) {
    while (starts.length < bucketOf(distance, half, maxDistance)) starts.push(distance);
  }
  return starts;
}

/**
 * The bucket of every pair of tokens: how many starts their distance has passed, behind the other direction's for
 * tokens that come later. → [queries, keys] int32. Computed, not written down, so that a graph traced with it fits
 * any number of tokens.
 */
export function relativeBuckets(tokens: number, config: RelativeBuckets): Tensor {
  const positions = range(0, tokens, 1, "float32");
  const ahead = sub(expandDims(positions, 0), expandDims(positions, 1)); // [queries, keys]: key - query
  const distance = add(relu(ahead), relu(neg(ahead)));
  const starts = tensor1d(bucketStarts(config));
  const passed = sum(cast(greaterEqual(expandDims(distance, 2), starts), "float32"), 2);
  const later = mul(cast(greater(ahead, 0), "float32"), Math.floor(config.buckets / 2));
  return cast(add(passed, later), "int32");
}

/**
 * T5's bias by relative positions (Raffel et al. 2019, arXiv:1910.10683), to be added to attention scores.
 * table's weight [buckets, heads] → [1, heads, queries, keys].
 */
export function relativeBias(table: EmbeddingParams, tokens: number, config: RelativeBuckets): Tensor {
  const values = embed(table, relativeBuckets(tokens, config)); // [queries, keys, heads]
  return expandDims(transpose(values, [2, 0, 1]), 0);
}
