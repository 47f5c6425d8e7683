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
      const sums = [first, second, third, fourth];
      for (let offset = 0; offset < count; offset++) {
        logits[(row + offset) * classes + label] = sums[offset]!;
      }
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

/** Σ share · rowᵀ · row, the lower half. [rows], [rows, dim] → [width, width], owned by the caller. */
export function weightedGram(
  shares: Float64Array,
  { values, rows, dim }: FeatureRows,
): Float64Array {
  const width = dim + 1;
  const gram = new Float64Array(width * width);
  const share = (row: number): number => shares[row] ?? 0;
  for (let row = 0; row < rows; row += 4) {
    const [a, b, c, d] = rowStarts(row, Math.min(4, rows - row), dim);
    const weights = [share(row), share(row + 1), share(row + 2), share(row + 3)] as const;
    for (let line = 0; line < width; line++) {
      const first = weights[0] * (line < dim ? values[a + line]! : 1);
      const second = weights[1] * (line < dim ? values[b + line]! : 1);
      const third = weights[2] * (line < dim ? values[c + line]! : 1);
      const fourth = weights[3] * (line < dim ? values[d + line]! : 1);
      const start = line * width;
      const end = Math.min(line + 1, dim);
      for (let k = 0; k < end; k++) {
        gram[start + k]! +=
          first * values[a + k]! +
          second * values[b + k]! +
          third * values[c + k]! +
          fourth * values[d + k]!;
      }
      if (line === dim) gram[start + dim]! += first + second + third + fourth;
    }
  }
  return gram;
}
