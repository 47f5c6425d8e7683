/** Σ aᵢ bᵢ */
export function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);
}

/** a + factor · b */
export function plus(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  return a.map((value, index) => value + factor * (b[index] as number));
}

/** max |aᵢ|; NaN if one is NaN. */
export function largest(a: Float64Array): number {
  return a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
