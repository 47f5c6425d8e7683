// @ts-check

/** @typedef {import("./rows.mjs").Row} Row */

const heads = ["package", "by", "seconds", "MB", "example", "types"];

/**
 * @param {Row} row
 * @returns {string[]}
 */
function cells({ name, manager, seconds, bytes, example, types, skipped }) {
  return [
    name,
    manager,
    seconds?.toFixed(1) ?? "-",
    bytes === undefined ? "-" : (bytes / 1e6).toFixed(0),
    skipped === undefined ? example : `skipped: ${skipped}`,
    types,
  ];
}

const widths = [25, 14, 9, 6, 9, 0];

/**
 * The rows as lines of text below a line of heads.
 * @param {readonly Row[]} rows
 * @returns {string[]}
 */
export function formatTable(rows) {
  return [heads, ...rows.map(cells)].map((row) => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 2 || column === 3 ? cell.padStart(width - 2).padEnd(width) : cell.padEnd(width);
    });
    return padded.join("").trimEnd();
  });
}

/**
 * @param {readonly Row[]} rows
 * @returns {{ readonly line: string, readonly failed: number }} the last line, and the failures in it
 */
export function countRows(rows) {
  const skipped = rows.filter((row) => row.skipped !== undefined).length;
  const failed = rows.filter((row) => row.problems.length > 0).length;
  const passed = rows.length - failed - skipped;
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { line, failed };
}
