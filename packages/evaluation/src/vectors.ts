/** Σ aᵢ bᵢ */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}

/** a + factor · b */
export function plus(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  const sums = new Float64Array(a);
  for (let index = 0; index < a.length; index++) sums[index]! += factor * b[index]!;
  return sums;
}

/** max |aᵢ|; NaN if one is NaN. */
export function largest(a: Float64Array): number {
  return a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
