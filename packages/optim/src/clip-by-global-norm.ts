import { addN, mul, sqrt, sum, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import { clipFactor } from "./clip-factor.ts";

/** Euclidean length of all gradients taken as one vector. The caller owns the scalar. */
export function globalNorm(grads: FlatTree<Tensor>): Scalar {
  const leaves = Object.values(grads);
  if (leaves.length === 0) throw new ClipError("bad-argument", "Expected at least one gradient.");
  return tidy(() => sqrt(addN(leaves.map((leaf) => sum<Scalar>(mul(leaf, leaf))))));
}

/** Gradients of at most `maxNorm`, and the norm they had before. */
export interface ClippedGrads {
  readonly grads: Record<string, Tensor>;
  readonly norm: Scalar;
}

/**
 * Scales all gradients by `clipFactor`. Borrows `grads`; the
 * caller owns the results.
 */
export function clipByGlobalNorm(grads: FlatTree<Tensor>, maxNorm: number): ClippedGrads {
  const norm = globalNorm(grads);
  const clipped = tidy(() => {
    const coefficient = clipFactor(norm, maxNorm);
    return Object.fromEntries(
      Object.entries(grads).map(([path, leaf]) => [path, mul(leaf, coefficient)]),
    );
  });
  return { grads: clipped, norm };
}
