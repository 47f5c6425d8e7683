import type { Curvature } from "./newton.ts";

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

/** Solves L·Lᵀ·x = b in place for every row b of `values` [rows, size]; four at a time share what is read of L. */
export function choleskySolve(factor: Float64Array, size: number, values: Float64Array): void {
  const group = new Float64Array(4 * size);
  for (let start = 0; start < values.length; start += group.length) {
    const rows = values.subarray(start, start + group.length);
    group.fill(0).set(rows);
    solveForward(factor, size, group);
    solveBackward(factor, size, group);
    rows.set(group.subarray(0, rows.length));
  }
}

/** L·y = b for four rows. */
function solveForward(factor: Float64Array, size: number, values: Float64Array): void {
  const [second, third, fourth] = [size, 2 * size, 3 * size];
  for (let row = 0; row < size; row++) {
    let a = values[row]!;
    let b = values[second + row]!;
    let c = values[third + row]!;
    let d = values[fourth + row]!;
    for (let k = 0; k < row; k++) {
      const share = factor[row * size + k]!;
      a -= share * values[k]!;
      b -= share * values[second + k]!;
      c -= share * values[third + k]!;
      d -= share * values[fourth + k]!;
    }
    const pivot = factor[row * size + row]!;
    values[row] = a / pivot;
    values[second + row] = b / pivot;
    values[third + row] = c / pivot;
    values[fourth + row] = d / pivot;
  }
}

/** Lᵀ·x = y for four rows. */
function solveBackward(factor: Float64Array, size: number, values: Float64Array): void {
  const [second, third, fourth] = [size, 2 * size, 3 * size];
  for (let row = size - 1; row >= 0; row--) {
    const pivot = factor[row * size + row]!;
    const a = (values[row]! /= pivot);
    const b = (values[second + row]! /= pivot);
    const c = (values[third + row]! /= pivot);
    const d = (values[fourth + row]! /= pivot);
    for (let k = 0; k < row; k++) {
      const share = factor[row * size + k]!;
      values[k]! -= share * a;
      values[second + k]! -= share * b;
      values[third + k]! -= share * c;
      values[fourth + k]! -= share * d;
    }
  }
}

/** Trace of the Hessian added to what preconditions it, where float32 cannot tell it from nothing. */
const ridge = 1e-6;

/**
 * Solves with the mean of the classes' blocks of the Hessian, its columns brought to one length before.
 * `gram` [width, width] is that mean without its penalty, and is written over; biases come last and have none.
 */
export function preconditioner(gram: Float64Array, width: number, penalty: number): Curvature["precondition"] {
  for (let k = 0; k < width - 1; k++) gram[k * width + k]! += 2 * penalty;
  const scales = Float64Array.from({ length: width }, (_, k) => 1 / Math.sqrt(gram[k * width + k]! + 1e-300));
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
