import { div, maximum, sqrt, square, sum, type Tensor } from "@tensorflow/tfjs-core";

/** Rows scaled to length 1; a row shorter than 1e-12 is divided by that instead. x [..., dim] → same. */
export function l2Normalize(x: Tensor): Tensor {
  const squaredLength = sum(square(x), -1, true);
  // The bound stands inside the root: outside it, a row of zeros would have a gradient of NaN.
  return div(x, sqrt(maximum(squaredLength, 1e-24)));
}
