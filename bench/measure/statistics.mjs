// @ts-check

/**
 * The middle value; of an even number of values the mean of the two in the middle.
 * @param {readonly number[]} values
 */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [below = Number.NaN, above = below] = sorted.slice(Math.ceil(middle) - 1, middle + 1);
  return (below + above) / 2;
}

/**
 * The largest difference between two lists of numbers; infinite if their lengths differ or a value is
 * not a number.
 * @param {readonly number[]} a
 * @param {readonly number[]} b
 */
export function largestDifference(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [index, value] of a.entries()) {
    const difference = Math.abs(value - (b[index] ?? Number.NaN));
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
  }
  return largest;
}
