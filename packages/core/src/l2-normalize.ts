import { div, maximum, sqrt, square, sum, type Tensor } from "@tensorflow/tfjs-core";

/** Rows scaled to length 1; a row shorter than 1e-12 is divided by that instead. x [..., dim] → same. */
export function l2Normalize(x: Tensor): Tensor {
  return div(x, maximum(sqrt(sum(square(x), -1, true)), 1e-12));
}
