// @ts-check
// npm test: everything that is checked before a change is merged, in two lanes. All checks run even
// when some fail; the last line counts them. `--only NAME` runs one, `--no-install` skips installing.
import { parseArgs } from "node:util";
import { budgets } from "./checks/budgets.mjs";
import { changesets } from "./checks/changesets.mjs";
import { command, verdict } from "./checks/outcome.mjs";
import { hygiene } from "./checks/hygiene.mjs";
import { packages } from "./checks/packages.mjs";
import { tests } from "./checks/tests.mjs";
import { tool } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

/**
 * @typedef {import("./checks/outcome.mjs").Outcome} Outcome
 * @typedef {{ name: string, seconds: number } & Outcome} Row
 */

/** @type {Record<string, () => Promise<Outcome>>} */
const checks = {
  tests,
  types: command(tool("tsc", "-p", "tsconfig.test.json")),
  format: command(tool("oxfmt", "--check")),
  lint: command(tool("oxlint", "--type-aware")),
  unused: command(tool("knip", "--no-progress")),
  workspace: command(tool("sherif")),
  hygiene,
  budgets,
  changesets,
  packages,
  size: command(tool("size-limit")),
};

/** @param {Outcome} outcome */
function describe({ passed, failed, skipped }) {
  if (passed + failed + skipped > 1) return counts({ passed, failed, skipped });
  return failed > 0 ? "failed" : skipped > 0 ? "skipped" : "passed";
}

/**
 * @param {unknown} error
 * @returns {Outcome}
 */
function crashed(error) {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return verdict([`The check itself broke down: ${reason}`]);
}

/** @param {{ passed: number, failed: number, skipped: number }} totals */
function counts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * @param {string} name
 * @returns {Promise<Row>}
 */
async function run(name) {
  const startedAt = performance.now();
  const outcome = await /** @type {() => Promise<Outcome>} */ (checks[name])().catch(crashed);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`[${name}] ${describe(outcome)} in ${seconds.toFixed(1)} s`);
  if (outcome.failed + outcome.skipped > 0 && outcome.output !== "") console.log(outcome.output);
  return { name, seconds, ...outcome };
}

/**
 * @param {readonly string[]} names
 * @returns {Promise<Row[]>}
 */
async function lane(names) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of names) rows.push(await run(name));
  return rows;
}

/** @param {readonly Row[]} rows */
function report(rows) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  console.log(`\n${"check".padEnd(12)}${"seconds".padStart(8)}  result`);
  for (const row of rows) {
    console.log(`${row.name.padEnd(12)}${row.seconds.toFixed(1).padStart(8)}  ${describe(row)}`);
    total.passed += row.passed;
    total.failed += row.failed;
    total.skipped += row.skipped;
  }
  console.log(`\n${counts(total)}`);
  return total.failed === 0;
}

requireNode();
const { values } = parseArgs({
  options: { only: { type: "string" }, "no-install": { type: "boolean" } },
});
const names = Object.keys(checks);
if (values.only !== undefined && !names.includes(values.only)) {
  console.error(`There is no check "${values.only}". The checks are ${names.join(", ")}.`);
  process.exit(2);
}

if (!values["no-install"]) await install();
const startedAt = performance.now();
const built = await build();
/** @type {Row} */
const buildRow = {
  name: "build",
  seconds: (performance.now() - startedAt) / 1000,
  passed: built ? 1 : 0,
  failed: built ? 0 : 1,
  skipped: 0,
  output: "",
};
const lanes = values.only === undefined ? [["tests"], names.slice(1)] : [[values.only]];
const rows = await Promise.all(lanes.map(lane));
process.exitCode = report([buildRow, ...rows.flat()]) ? 0 : 1;
