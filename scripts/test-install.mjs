// @ts-check
// pnpm test:install: every published package, packed and installed by npm and by strict pnpm into an empty
// folder as its README says; its example runs there and type-checks. The last line counts the rows.
// `--only NAME`, as often as needed, takes some packages; `--keep` leaves the folders.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { publishedPackages } from "./checks/workspace.mjs";
import { startRegistry } from "./install/registry.mjs";
import { blockedRow, packageRow } from "./install/rows.mjs";
import { countRows, formatTable } from "./install/table.mjs";
import { packPublished } from "./pack.mjs";
import { capture } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

/**
 * @typedef {import("./install/rows.mjs").Row} Row
 * @typedef {import("./install/rows.mjs").Subject} Subject
 * @typedef {import("./install/registry.mjs").Packed} Packed
 */

/** @returns {Promise<string>} the registry that npm is set to, with a slash at its end */
async function registryOfNpm() {
  const { output } = await capture(["npm", "config", "get", "registry"]);
  return `${output.trim().replace(/\/$/u, "")}/`;
}

/**
 * @param {string} tarball
 * @returns {Packed}
 */
function readPacked(tarball) {
  const text = execFileSync("tar", ["-xOzf", tarball, "package/package.json"], {
    encoding: "utf8",
  });
  return { tarball, manifest: JSON.parse(text) };
}

const isNamed =
  (/** @type {string} */ name) =>
  (/** @type {Packed} */ { manifest }) =>
    manifest.name === name;

/**
 * What to install, and the command line that each brings.
 * @param {readonly Packed[]} packed
 * @param {readonly string[] | undefined} only
 * @returns {Subject[]}
 */
function subjectsOf(packed, only) {
  return publishedPackages()
    .filter(({ name }) => only === undefined || only.includes(name))
    .map(({ name, folder }) => {
      const { bin = {}, exports = {} } = packed.find(isNamed(name))?.manifest ?? {};
      const paths = Object.keys(exports).filter((path) => path !== "./package.json");
      const entries = paths.map((path) => `${name}${path.slice(1)}`);
      return { name, source: folder, program: Object.keys(bin)[0], entries };
    });
}

/**
 * @param {readonly Subject[]} subjects
 * @param {{ base: string, address: string, keep: boolean }} site
 * @returns {Promise<Row[]>}
 */
async function allRows(subjects, site) {
  /** @type {Row[]} */
  const rows = [];
  /** @param {Row} row */
  const add = (row) => {
    rows.push(row);
    console.log(formatTable([row])[1]);
    for (const problem of row.problems) console.log(`${problem.trimEnd()}\n`);
  };
  for (const subject of subjects) {
    for (const manager of /** @type {const} */ (["npm", "pnpm"])) {
      add(await packageRow(subject, manager, site));
    }
  }
  const commandLine = subjects.find(({ program }) => program !== undefined);
  if (commandLine !== undefined) add(await blockedRow(commandLine, site));
  return rows;
}

/** @param {string} why */
function fail(why) {
  console.log(`${why}\n\n0 passed, 1 failed`);
  return 1;
}

/** @param {{ only?: string[] | undefined, keep?: boolean | undefined }} options */
async function main({ only, keep = false }) {
  const startedAt = performance.now();
  if (!(await install()) || !(await build())) return fail("The packages could not be built.");
  const { tarballs, problems } = await packPublished("packed-to-install");
  if (problems.length > 0) return fail(problems.join("\n"));
  const packed = tarballs.map(readPacked);
  const subjects = subjectsOf(packed, only);
  if (subjects.length === 0) return fail(`No published package is called ${only?.join(" or ")}.`);
  const reached = await capture([
    "npm",
    "view",
    "--prefer-online",
    "--fetch-retries=1",
    "@tensorflow/tfjs-core",
    "name",
  ]);
  if (!reached.ok) {
    console.log(`Skipped: npm's registry cannot be reached.\n${reached.output}`);
    console.log(`\n0 passed, 0 failed, ${subjects.length} skipped`);
    return 0;
  }
  const registry = await startRegistry(packed, await registryOfNpm());
  const base = mkdtempSync(join(tmpdir(), "clip-ts-install-"));
  process.on("exit", () => {
    if (!keep) rmSync(base, { recursive: true, force: true });
  });
  if (keep) console.log(`The folders are in ${base}.`);
  const rows = await allRows(subjects, { base, address: registry.address, keep });
  registry.close();
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  const { line, failed } = countRows(rows);
  console.log(`\n${formatTable(rows).join("\n")}`);
  console.log("(engines: N) faults in declarations of TensorFlow.js and ONNX Runtime, which count for nothing");
  console.log(`in ${minutes} minutes\n\n${line}`);
  return failed > 0 ? 1 : 0;
}

requireNode();
const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, keep: { type: "boolean" } },
});
process.on("SIGINT", () => process.exit(130));
process.exitCode = await main(values).catch((/** @type {unknown} */ error) => {
  return fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
});
