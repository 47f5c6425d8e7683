// @ts-check
// npm test: everything that is checked before a change is merged, in two lanes. All checks run even
// when some fail; the last line counts them. `--only NAME` runs one, `--no-install` skips installing.
import { parseArgs } from "node:util";
import { budgets } from "./checks/budgets.mjs";
import { changesets } from "./checks/changesets.mjs";
import { manifests } from "./checks/manifests.mjs";
import { allOf, command, verdict, withGit } from "./checks/outcome.mjs";
import { hygiene } from "./checks/hygiene.mjs";
import { packages } from "./checks/packages.mjs";
import { release } from "./checks/release.mjs";
import { tests } from "./checks/tests.mjs";
import { build, install, requireNode } from "./stages.mjs";

/**
 * @typedef {import("./checks/outcome.mjs").Outcome} Outcome
 * @typedef {{ name: string, seconds: number } & Outcome} Row
 */

/** @type {Record<string, () => Promise<Outcome>>} */
const checks = {
  tests,
  types: command("tsc", "-p", "tsconfig.test.json"),
  format: command("oxfmt", "--check"),
  lint: command("oxlint", "--type-aware"),
  unused: command("knip", "--no-progress"),
  workspace: allOf(command("sherif"), async () => verdict(manifests())),
  hygiene: withGit(hygiene),
  budgets: withGit(budgets),
  changesets,
  packages,
  release,
  size: command("size-limit"),
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
 * @param {() => Promise<Outcome>} check
 * @returns {Promise<Row>}
 */
async function run(name, check) {
  const startedAt = performance.now();
  const outcome = await check().catch(crashed);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`[${name}] ${describe(outcome)} in ${seconds.toFixed(1)} s`);
  if (outcome.output !== "") console.log(outcome.output);
  return { name, seconds, ...outcome };
}

/**
 * Runs checks one after another.
 * @param {readonly [string, () => Promise<Outcome>][]} entries
 * @returns {Promise<Row[]>}
 */
async function lane(entries) {
  /** @type {Row[]} */
  const rows = [];
  for (const [name, check] of entries) rows.push(await run(name, check));
  return rows;
}

/** Builds the workspace, which counts as a check: the others go on with what could be built. */
async function builds() {
  return verdict((await build()) ? [] : ["A package could not be built; see above."]);
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
const [first, ...others] = Object.entries(checks).filter(([name]) => values.only === undefined || name === values.only);
if (first === undefined) {
  console.error(`There is no check "${values.only}": ${Object.keys(checks).join(", ")}.`);
  process.exit(2);
}

process.on("SIGINT", () => process.exit(130));
const installed = values["no-install"] || (await install());
const rows = installed
  ? [await run("build", builds), ...(await Promise.all([lane([first]), lane(others)])).flat()]
  : [await run("install", async () => verdict(["The packages could not be installed; see above."]))];
process.exitCode = report(rows) ? 0 : 1;
