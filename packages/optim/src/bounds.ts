import { maximum, minimum, tidy, type Tensor } from "@tensorflow/tfjs-core";

/** Values that a parameter keeps to after each step. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Keeps what a step made of `previous` within bounds. A value that was outside already stays where it is
 * or comes nearer, so that no step moves it by more than its gradient says. The caller owns the result.
 */
export function keepWithin(moved: Tensor, previous: Tensor, { min, max }: Bounds): Tensor {
  return tidy(() => {
    const [lowest, highest] = [minimum(previous, min), maximum(previous, max)];
    return minimum(maximum(moved, lowest), highest);
  });
}
