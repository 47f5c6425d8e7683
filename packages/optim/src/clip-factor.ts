import { add, div, minimum, type Scalar } from "@tensorflow/tfjs-core";
import type { ScalarValue } from "./scalar-value.ts";

/**
 * The factor that makes gradients of this length no longer than `maxNorm`: min(1, maxNorm / (norm + 1e-6)),
 * PyTorch's formula. A number for a number, a tensor, which the caller owns, for a tensor.
 */
export function clipFactor(norm: ScalarValue, maxNorm: number): ScalarValue {
  if (typeof norm === "number") return Math.min(1, maxNorm / (norm + 1e-6));
  return minimum<Scalar>(1, div(maxNorm, add(norm, 1e-6)));
}
