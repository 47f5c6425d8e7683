import type { FeatureRows } from "@clip-ts/core";

/**
 * Products of features with float64 numbers on the processor. A feature row is meant to end with a 1, so that
 * biases are one more column: `width` is dim + 1.
 */

/** features · weightsᵀ. [rows, dim], [classes, width] → [rows, classes], owned by the caller. */
export function logitsOf(
  { values, rows, dim }: FeatureRows,
  weights: Float64Array,
  classes: number,
): Float64Array {
  const logits = new Float64Array(rows * classes);
  for (let row = 0; row < rows; row += 4) {
    const count = Math.min(4, rows - row);
    const [a, b, c, d] = rowStarts(row, count, dim);
    for (let label = 0; label < classes; label++) {
      const start = label * (dim + 1);
      const bias = weights[start + dim]!;
      let [first, second, third, fourth] = [bias, bias, bias, bias];
      for (let k = 0; k < dim; k++) {
        const weight = weights[start + k]!;
        first += values[a + k]! * weight;
        second += values[b + k]! * weight;
        third += values[c + k]! * weight;
        fourth += values[d + k]! * weight;
      }
      const place = row * classes + label; // writes past the end of a typed array are dropped
      logits[place] = first;
      logits[place + classes] = second;
      logits[place + 2 * classes] = third;
      logits[place + 3 * classes] = fourth;
    }
  }
  return logits;
}

/** Where four rows start; rows past the end are the last one again. */
function rowStarts(
  row: number,
  count: number,
  dim: number,
): readonly [number, number, number, number] {
  const at = (offset: number): number => (row + Math.min(offset, count - 1)) * dim;
  return [at(0), at(1), at(2), at(3)];
}

/** residualsᵀ · features. [rows, classes], [rows, dim] → [classes, width], owned by the caller. */
export function gradientOf(
  residuals: Float64Array,
  { values, rows, dim }: FeatureRows,
  classes: number,
): Float64Array {
  const gradient = new Float64Array(classes * (dim + 1));
  const share = (row: number, label: number): number =>
    row < rows ? residuals[row * classes + label]! : 0;
  for (let row = 0; row < rows; row += 4) {
    const [a, b, c, d] = rowStarts(row, Math.min(4, rows - row), dim);
    for (let label = 0; label < classes; label++) {
      const start = label * (dim + 1);
      const first = share(row, label);
      const second = share(row + 1, label);
      const third = share(row + 2, label);
      const fourth = share(row + 3, label);
      for (let k = 0; k < dim; k++) {
        gradient[start + k]! +=
          first * values[a + k]! +
          second * values[b + k]! +
          third * values[c + k]! +
          fourth * values[d + k]!;
      }
      gradient[start + dim]! += first + second + third + fourth;
    }
  }
  return gradient;
}
