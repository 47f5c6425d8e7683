// @ts-check
// Vector indexes over one mixture of clusters: what building, asking and keeping them costs, and what they find.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeMixture, readTruth } from "../inputs/mixture.mjs";
import { vectorStores } from "../inputs/vector-stores.mjs";
import { startSides } from "../measure/rounds.mjs";
import { median } from "../measure/statistics.mjs";
import { commandLine, UsageError } from "../options.mjs";
import { milliseconds, seconds } from "../report/figures.mjs";
import { nodeSide } from "./sides.mjs";

/** @typedef {import("./run.mjs").Run} Run */

const nearest = 10;

/**
 * Bytes of all files below a folder.
 * @param {string} folder
 */
async function bytesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map((entry) => stat(join(entry.parentPath, entry.name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

/**
 * What one run of a process that begins for it gave; nothing where it failed, which is told.
 * @param {Run} run
 * @param {string} name
 * @param {string} script
 * @param {Record<string, any>} options
 */
async function once({ note }, name, script, options) {
  const { command, ...spec } = nodeSide(name, script, options);
  const [node, ...words] = command;
  const [side] = await startSides([{ ...spec, command: [node, "--expose-gc", ...words] }], note);
  if (side === undefined) return undefined;
  try {
    const outcome = await side.run({});
    return { ...outcome, prepared: side.prepareMilliseconds };
  } catch (error) {
    note(`left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    await side.close();
  }
}

/**
 * Builds a store, then asks it in a process of its own.
 * @param {Run} run
 * @param {string} store
 * @param {Record<string, any>} input
 */
async function measure(run, store, input) {
  const folder = join(run.workspace, `store-${store.replace(" ", "-")}`);
  const options = { ...input, store, folder, nearest };
  try {
    const built = await once(run, `${store}, building`, "search-build.mjs", options);
    if (built === undefined) return undefined;
    const asked = await once(run, `${store}, asking`, "search-ask.mjs", options);
    if (asked === undefined) return undefined;
    return { store, built, asked, bytes: await bytesBelow(folder) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Share of the nearest rows that were found.
 * @param {readonly (readonly string[])[]} found
 * @param {readonly (readonly string[])[]} truth
 */
function recallOf(found, truth) {
  const hits = truth.reduce((sum, ids, query) => sum + ids.filter((id) => found[query]?.includes(id)).length, 0);
  return hits / truth.flat().length;
}

/** @param {number} bytes */
const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

/** @param {Run} run */
function storesOf({ options: { stores } }) {
  const names = Object.keys(vectorStores);
  const unknown = stores?.find((store) => !names.includes(store));
  if (unknown !== undefined) throw new UsageError(`--stores ${unknown}: there are ${names.join(", ")}.`);
  return stores ?? names;
}

/** @param {Run} run */
export async function benchSearch(run) {
  const { rows, queries, dim, inputs } = run.options;
  const stores = storesOf(run);
  const mixture = await makeMixture(inputs ?? run.workspace, { rows, queries, dim }, run.note);
  const truth = await readTruth(mixture);
  /** @type {NonNullable<Awaited<ReturnType<typeof measure>>>[]} */
  const measured = [];
  for (const store of stores) {
    const one = await measure(run, store, { file: mixture.file, rows, queries, dim });
    if (one !== undefined) measured.push(one);
  }
  const lines = measured.map(({ store, built, asked, bytes }) => [
    store,
    seconds(built.milliseconds),
    seconds(built.cpuMilliseconds ?? Number.NaN),
    milliseconds(median(asked.shown.milliseconds)),
    milliseconds((asked.cpuMilliseconds ?? Number.NaN) / queries),
    recallOf(asked.shown.ids, truth).toFixed(4),
    megabytes(bytes),
    megabytes(asked.shown.bytes),
    seconds(asked.prepared),
  ]);
  run.publish({
    command: commandLine("search", run.options),
    title: `Searching ${rows} x ${dim} in clusters`,
    setting: `${queries} queries, one at a time, ${nearest} rows each`,
    rows: [["", "build s", "cpu s", "query ms", "cpu ms", "recall", "disk MB", "memory MB", "open s"], ...lines],
    notes: [
      "Recall is the share of the nearest rows by brute force that were found; query ms is the median, after 50 queries that are not timed.",
      "Memory is what a new process holds more, after all queries, than before it opened the index.",
    ],
  });
  const isWhole = measured.length === stores.length && measured.every(({ built }) => built.shown === rows);
  return { agreement: { holds: isWhole } };
}
