// @ts-check
// Draws that depend on a seed alone (sfc32 by way of a hash of the seed and the case's number).

/**
 * @typedef {object} Random
 * @property {() => number} next at least 0, below 1
 * @property {(count: number) => number} below a whole number from 0
 * @property {<Item>(items: readonly Item[]) => Item} pick
 */

/**
 * @param {number} seed
 * @param {number} index the case's number: every case draws on its own
 * @returns {Random}
 */
export function randomOf(seed, index) {
  let [a, b, c, d] = [seed >>> 0, index >>> 0, 0x9e3779b9, 1];
  const draw = () => {
    const sum = (((a + b) >>> 0) + d) >>> 0;
    d = (d + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum / 2 ** 32;
  };
  for (let round = 0; round < 16; round++) draw();
  const below = (/** @type {number} */ count) => Math.floor(draw() * count);
  return {
    next: draw,
    below,
    pick(items) {
      const picked = items[below(items.length)];
      if (picked === undefined) throw new RangeError("There is nothing to pick from.");
      return picked;
    },
  };
}
