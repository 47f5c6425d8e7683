// @ts-check
// What came of the faults: a line for each as it ends, and one at last.

/**
 * @typedef {object} Result
 * @property {string} fault what was done to a run
 * @property {string} engine
 * @property {number} tries
 * @property {readonly string[]} problems what should not have been
 * @property {string} [figure] what was measured
 * @property {string} [skipped] why it could not be tried here
 */

/** @param {Result} result */
export function printResult({ fault, engine, tries, problems, figure, skipped }) {
  const outcome = problems.length === 0 ? "nothing lost" : `${problems.length} PROBLEMS`;
  const cells = [fault.padEnd(29), engine.padEnd(10), String(tries).padStart(5)];
  console.log(`${cells.join(" ")}  ${skipped === undefined ? outcome : `skipped: ${skipped}`}`);
  if (figure !== undefined) console.log(`${"".padEnd(29)} ${figure}`);
  for (const problem of problems) console.log(`  ${problem.replaceAll("\n", "\n    ")}`);
}

/** @param {readonly Result[]} results @param {number} seed @returns {number} problems */
export function printSummary(results, seed) {
  const tries = results.reduce((sum, result) => sum + result.tries, 0);
  const problems = results.reduce((sum, result) => sum + result.problems.length, 0);
  if (problems > 0) console.log(`again: pnpm test:faults --seed ${seed}`);
  console.log(`${tries} faults, ${problems} problems`);
  return problems;
}
