/**
 * The lower triangle L of A = L·Lᵀ for a symmetric positive definite A [size, size], of which the lower half
 * is read. A pivot that rounding took below a trace of its diagonal is put there. The caller owns the result.
 */
export function choleskyFactor(matrix: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) {
        rest -= factor[row * size + k]! * factor[column * size + k]!;
      }
      if (column < row) factor[row * size + column] = rest / factor[column * size + column]!;
      else factor[row * size + row] = pivotOf(rest, matrix[row * size + row]!);
    }
  }
  return factor;
}

function pivotOf(rest: number, diagonal: number): number {
  const smallest = 1e-14 * Math.abs(diagonal) + Number.MIN_VALUE;
  return Math.sqrt(Math.max(rest, smallest));
}

/** Solves L·Lᵀ·x = b in place for one row b of `values`, which starts at `start`. */
export function choleskySolve(
  factor: Float64Array,
  size: number,
  values: Float64Array,
  start: number,
): void {
  for (let row = 0; row < size; row++) {
    let rest = values[start + row]!;
    for (let k = 0; k < row; k++) rest -= factor[row * size + k]! * values[start + k]!;
    values[start + row] = rest / factor[row * size + row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    const value = values[start + row]! / factor[row * size + row]!;
    values[start + row] = value;
    for (let k = 0; k < row; k++) values[start + k]! -= factor[row * size + k]! * value;
  }
}
