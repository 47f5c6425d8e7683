// @ts-check
// Numbers as the tables show them.

/** @param {number} value */
export const milliseconds = (value) =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);

/** @param {number} value in milliseconds */
export const seconds = (value) => (value / 1000).toFixed(1);

/** @param {number} value */
export const ratio = (value) => `${value.toFixed(2)}x`;

/** @param {number | undefined} bytes */
export const gibibytes = (bytes) => (bytes === undefined ? "-" : (bytes / 2 ** 30).toFixed(2));

/** @param {number} value things a second */
export const rate = (value) => (value < 100 ? value.toFixed(1) : value.toFixed(0));
