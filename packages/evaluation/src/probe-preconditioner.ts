import { choleskyFactor, choleskySolve } from "./cholesky.ts";
import type { Curvature } from "./newton.ts";

/** Trace of the Hessian added to what preconditions it, where float32 cannot tell it from nothing. */
const ridge = 1e-6;

/**
 * Solves with the mean of the classes' blocks of the Hessian, its columns brought to one length before.
 * `gram` [width, width] is that mean without its penalty, and is written over; biases come last and have none.
 */
export function preconditioner(
  gram: Float64Array,
  width: number,
  penalty: number,
): Curvature["precondition"] {
  for (let k = 0; k < width - 1; k++) gram[k * width + k]! += 2 * penalty;
  const scales = Float64Array.from(
    { length: width },
    (_, k) => 1 / Math.sqrt(gram[k * width + k]! + 1e-300),
  );
  for (let row = 0; row < width; row++) {
    for (let k = 0; k < width; k++) gram[row * width + k]! *= scales[row]! * scales[k]!;
    gram[row * width + row]! += ridge;
  }
  const factor = choleskyFactor(gram, width);
  const scale = (values: Float64Array): void => {
    for (let start = 0; start < values.length; start += width) {
      for (let k = 0; k < width; k++) values[start + k]! *= scales[k]!;
    }
  };
  return (vector) => {
    const solved = new Float64Array(vector);
    scale(solved);
    choleskySolve(factor, width, solved);
    scale(solved);
    return solved;
  };
}
