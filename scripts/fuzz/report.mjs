// @ts-check
// What came of all cases: a table by kind, the faults with what shows them again, and one line.

/** What no case may need. */
const limits = { seconds: 5, rss: 1024 };

/** Characters of a message that a person reads; longer ones are counted, and are no fault. */
const longest = 20_000;

/** @typedef {import("./pool.mjs").Result & { kind: string, index: number, file: string, same: boolean }} Case */

/** @param {Case} found @returns {string | undefined} */
function faultOf({ outcome, seconds, rss }) {
  if (outcome === "crash" || outcome === "hang" || outcome === "foreign") return outcome;
  if (seconds > limits.seconds) return `over ${limits.seconds} s`;
  return rss > limits.rss ? `over ${limits.rss} MiB` : undefined;
}

const columns = ["kind", "files", "refused", "same", "other", "foreign", "crash", "hang", "slowest", "most MiB"];

/** @param {string} kind @param {readonly Case[]} cases */
function row(kind, cases) {
  const count = (/** @type {(found: Case) => boolean} */ is) => String(cases.filter(is).length);
  return [
    kind,
    String(cases.length),
    count(({ outcome }) => outcome === "refused"),
    count(({ outcome, same }) => outcome === "accepted" && same),
    count(({ outcome, same }) => outcome === "accepted" && !same),
    count(({ outcome }) => outcome === "foreign"),
    count(({ outcome }) => outcome === "crash"),
    count(({ outcome }) => outcome === "hang"),
    `${Math.max(0, ...cases.map(({ seconds }) => seconds)).toFixed(2)} s`,
    Math.max(0, ...cases.map(({ rss }) => rss)).toFixed(0),
  ];
}

/** @param {readonly Case[]} faults @param {number} seed */
function printFaults(faults, seed) {
  for (const found of faults) {
    const { index, kind, file, name = "", message = "", stack = "" } = found;
    console.log(`${faultOf(found)}: ${kind}, ${file}; again: pnpm fuzz --seed ${seed} --case ${index}`);
    console.log(`  ${found.seconds.toFixed(1)} s, ${found.rss.toFixed(0)} MiB; ${name} ${message}`);
    if (stack !== "") console.log(stack);
  }
}

/** @param {readonly Case[]} cases */
function printTable(cases) {
  const kinds = [...new Set(cases.map(({ kind }) => kind))];
  const own = (/** @type {string} */ kind) => cases.filter((found) => found.kind === kind);
  const rows = [columns, ...kinds.map((kind) => row(kind, own(kind))), row("all", cases)];
  const widths = columns.map((_, at) => Math.max(...rows.map((cells) => (cells[at] ?? "").length)));
  for (const cells of rows) {
    const padded = cells.map((cell, at) => cell.padEnd(widths[at] ?? 0));
    console.log(padded.join("  ").trimEnd());
  }
}

/**
 * Prints the faults, a table by kind and one line.
 * @param {readonly Case[]} cases
 * @param {number} seed
 * @returns {number} faults
 */
export function report(cases, seed) {
  const faults = cases.filter((found) => faultOf(found) !== undefined);
  printFaults(faults, seed);
  printTable(cases);
  const long = cases.filter(({ length = 0 }) => length > longest);
  if (long.length > 0) {
    const [first] = long;
    const where = `the first: ${first?.kind}, --case ${first?.index}`;
    console.log(`${long.length} messages of more than ${longest} characters, ${where}`);
  }
  const other = cases.filter(({ outcome, same }) => outcome === "accepted" && !same).length;
  const read = `${other} read with other content than before the change`;
  console.log(`${cases.length} changed files, ${faults.length} faults, ${read}`);
  return faults.length;
}
