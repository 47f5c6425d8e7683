import type { TypedArray } from "@tensorflow/tfjs-core";

type Values = TypedArray | Float64Array | readonly number[];

/** Largest |a - b|. Arrays of different lengths or with a NaN are infinitely apart. */
export function largestDifference(actual: Values, expected: Values): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] as number) - (expected[index] as number));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

function length(values: Values): number {
  let squares = 0;
  for (let index = 0; index < values.length; index++) squares += (values[index] as number) ** 2;
  return Math.sqrt(squares);
}

/**
 * ‖a - b‖ / ‖b‖, the error of an array as a whole; `floor` keeps near-zero references (a key's bias,
 * whose gradient is 0 in theory) from being judged by their rounding noise.
 */
export function relativeError(actual: Values, expected: Values, floor = 1e-12): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const difference = Float64Array.from(
    expected,
    (value, index) => (actual[index] as number) - value,
  );
  const error = length(difference) / Math.max(length(expected), floor);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
