/**
 * The two products that a probe's value, slope and curvature are made of. X are the features, each row
 * ended by a 1, so that biases are one more column: [rows, width], width = dim + 1.
 */
export interface ProbeProducts {
  /** X · weightsᵀ: [classes, width] → [rows, classes], owned by the caller. */
  readonly logitsOf: (weights: Float64Array, classes: number) => Promise<Float64Array>;
  /** residualsᵀ · X: [rows, classes] → [classes, width], owned by the caller. */
  readonly sumsOf: (residuals: Float64Array, classes: number) => Promise<Float64Array>;
}
