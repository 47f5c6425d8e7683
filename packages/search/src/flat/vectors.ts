/** Rows of numbers in one piece of memory: row-major [rows, dim]. */
export interface Vectors {
  readonly dim: number;
  readonly values: Float32Array | Int8Array;
  /** Of int8: what each row's bytes are multiplied by. Empty for f32. */
  readonly scales: Float32Array;
}

export type Dtype = "f32" | "int8";

/** Bytes of a row's numbers. */
export const rowBytes = (dtype: Dtype, dim: number): number => (dtype === "f32" ? 4 * dim : dim + 4);

/** Room for rows, all zero. */
export function emptyVectors(dtype: Dtype, dim: number, rows: number): Vectors {
  return dtype === "f32"
    ? { dim, values: new Float32Array(rows * dim), scales: new Float32Array() }
    : { dim, values: new Int8Array(rows * dim), scales: new Float32Array(rows) };
}

/**
 * A row in `levels` steps each way of 0, symmetric: value = scale · whole number, where the largest value by size takes
 * the last step. The scale that is given makes the product of the row and what stands for it that of the row with
 * itself, so that what is lost stands at a right angle to the row: searches are mostly for what is near (the estimator
 * of RaBitQ, Gao and Long 2024, section 3.2).
 */
export function quantise(row: Float32Array, levels: number, target: Int8Array | Int16Array): number {
  let largest = 0;
  for (const value of row) largest = Math.max(largest, Math.abs(value));
  const step = largest / levels;
  let [squares, products] = [0, 0];
  for (let at = 0; at < row.length; at++) {
    const value = row[at] as number;
    const whole = Math.round(value / step);
    target[at] = whole;
    squares += value * value;
    products += value * whole;
  }
  // As it is stored, so that what is written and what is read again are the same.
  return Math.fround(squares / products);
}

/** Steps of a byte: -128 is left out, so that a vector and its opposite have the same scale. */
const byteLevels = 127;

/** Puts a row, given as f32, into its place. */
export function setRow({ dim, values, scales }: Vectors, row: number, from: Float32Array): void {
  if (values instanceof Float32Array) values.set(from, row * dim);
  else scales[row] = quantise(from, byteLevels, values.subarray(row * dim, (row + 1) * dim));
}

/** Copies a row as it is stored. */
export function copyRow(from: Vectors, row: number, to: Vectors, target: number): void {
  const { dim } = from;
  to.values.set(from.values.subarray(row * dim, (row + 1) * dim), target * dim);
  if (from.scales.length > 0) to.scales[target] = from.scales[row] as number;
}

/** A row as numbers, a copy; of int8 what the bytes stand for. */
export function rowOf({ dim, values, scales }: Vectors, row: number): Float32Array {
  const own = Float32Array.from(values.subarray(row * dim, (row + 1) * dim));
  if (values instanceof Float32Array) return own;
  const scale = scales[row] as number;
  return own.map((value) => value * scale);
}
