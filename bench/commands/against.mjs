// @ts-check
// Training by this tree and by another revision's, in turn: what a change to the step costs.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commitOf, describeOwnTree, layOutTree, removeTree } from "../../scripts/tree.mjs";
import { hasBf16Instructions } from "../measure/machine.mjs";
import { rotated, startSides, interleave } from "../measure/rounds.mjs";
import { commandLine, UsageError } from "../options.mjs";
import { againstRows, sameBits } from "../report/against.mjs";
import { allHold } from "../report/agreement.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { batchesFor, startModel } from "./model-files.mjs";
import { recipeFor } from "./recipe.mjs";
import { roundsOf, withOptions } from "./run.mjs";
import { clipTsSides, enginesHere } from "./sides.mjs";
import { buildMilliseconds } from "./train.mjs";

/**
 * @typedef {import("../measure/side.mjs").SideSpec} SideSpec
 * @typedef {import("../report/against.mjs").Pair} Pair
 * @typedef {import("./run.mjs").Run} Run
 * @typedef {object} Job
 * @property {string} engine
 * @property {"f32" | "bf16"} precision
 */

const script = "train-clip-ts.mjs";

/** What times a side from within. Both trees' sides run by this tree's, so that one clock measures both. */
const clock = fileURLToPath(new URL("../measure/serve.mjs", import.meta.url));

/** @param {string} revision */
function commit(revision) {
  try {
    return commitOf(revision);
  } catch {
    throw new UsageError(`--against ${revision}: git knows no such revision.`);
  }
}

/**
 * The other revision's tree, installed and built; removed when this process ends, however it ends.
 * @param {Run} run
 * @param {{ revision: string, withTensorflow: boolean }} wanted
 * @returns {string} its folder
 */
function layOut({ workspace, note }, { revision, withTensorflow }) {
  const folder = join(workspace, "tree");
  process.prependListener("exit", () => removeTree(folder)); // before the workspace around it goes
  note(`laying out and building ${revision}`);
  layOutTree(revision, folder, withTensorflow);
  copyFileSync(clock, join(folder, "bench/measure/serve.mjs"));
  return folder;
}

/**
 * Each engine in f32, and in bf16 where both the engine and the processor multiply that.
 * @param {readonly string[]} engines
 * @param {Run["options"]} options
 * @returns {Job[]}
 */
function jobsOf(engines, { precision, isPrecisionGiven }) {
  if (isPrecisionGiven) return engines.map((engine) => ({ engine, precision }));
  const inBf16 = hasBf16Instructions() ? engines.filter((engine) => engine === "tensorflow") : [];
  return [
    ...engines.map((engine) => /** @type {const} */ ({ engine, precision: "f32" })),
    ...inBf16.map((engine) => /** @type {const} */ ({ engine, precision: "bf16" })),
  ];
}

/**
 * The same recipe by each tree's own side, with its own packages.
 * @param {Run} run
 * @param {Job} job
 * @param {string} tree
 */
async function specsOf(run, { engine, precision }, tree) {
  const { folder } = await startModel(run);
  const { path } = await batchesFor(run);
  const part = withOptions(run, { engines: [engine], precision });
  return clipTsSides(part, script, { recipe: recipeFor(folder, path) }).flatMap((now) => {
    const command = /** @type {const} */ ([process.execPath, join(tree, "bench/sides", script)]);
    const label = `${engine} ${precision}`;
    return [
      { ...now, name: `${label} before`, command },
      { ...now, name: `${label} now` },
    ];
  });
}

/** @typedef {{ facts: Record<string, any>, firstMilliseconds: number }} Start */

/**
 * Starts each side some times for its build alone, in turn.
 * @param {readonly SideSpec[]} specs
 * @param {number} count
 * @param {Run["note"]} note
 * @returns {Promise<Map<string, Start[]>>} by the side's name
 */
async function startAgain(specs, count, note) {
  /** @type {Map<string, Start[]>} */
  const starts = new Map(specs.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round++) {
    for (const spec of rotated(specs, round)) {
      const sides = await startSides([spec], note);
      const { timings } = await interleave(sides, { rounds: 0, warmup: 1, settle: 0, note });
      await Promise.all(sides.map((side) => side.close()));
      starts.get(spec.name)?.push(...timings);
    }
  }
  return starts;
}

/**
 * One engine in one precision.
 * @param {Run} run
 * @param {Job} job
 * @param {string} tree
 * @returns {Promise<{ pair: Pair, idleShare: number }>}
 */
async function comparePair(run, job, tree) {
  const specs = await specsOf(run, job, tree);
  const starts = await startAgain(specs, Math.max(0, run.options.starts - 1), run.note);
  const sides = await startSides(specs, run.note);
  const { timings, idleShare } = await interleave(sides, roundsOf(run));
  await Promise.all(sides.map((side) => side.close()));
  const [before, now] = ["before", "now"].map((which) => {
    const timing = timings.find(({ name }) => name.endsWith(` ${which}`));
    if (timing === undefined) return undefined;
    const { milliseconds } = timing;
    const all = [...(starts.get(timing.name) ?? []), timing];
    return { timing, builds: all.map((start) => buildMilliseconds({ ...start, milliseconds })) };
  });
  return { pair: { name: `${job.engine} ${job.precision}`, before, now }, idleShare };
}

/** @param {readonly Pair[]} pairs */
const versionsOf = (pairs) =>
  versionNotes(
    pairs.flatMap(({ before, now }) => {
      const [old, own] = [before?.timing, now?.timing];
      const isSame = old?.facts["version"] === own?.facts["version"];
      return (isSame ? [own] : [old, own]).filter((timing) => timing !== undefined);
    }),
  );

/**
 * Every engine in every precision, one pair of sides after another.
 * @param {Run} run
 * @param {readonly string[]} engines
 * @param {string} tree the other tree's folder
 */
export async function compareTrees(run, engines, tree) {
  /** @type {Pair[]} */
  const pairs = [];
  let idleShare = 0;
  for (const job of jobsOf(engines, run.options)) {
    const compared = await comparePair(run, job, tree);
    pairs.push(compared.pair);
    idleShare = Math.max(idleShare, compared.idleShare);
  }
  const bits = pairs.map(sameBits);
  const { isPrecisionGiven, starts } = run.options;
  const leftOut = !isPrecisionGiven && !hasBf16Instructions();
  const notes = [
    "wall: of a step; user: processor time in it, all threads; peak: most the process ever held (VmHWM); build: tracing " +
      `and compiling, median of ${starts} starts; single: ratios of single rounds or starts.`,
    ...bits.map(({ text }) => text),
    ...(leftOut ? ["bf16 is left out: this processor has no bf16 matmuls."] : []),
    ...versionsOf(pairs),
    idleNote(idleShare),
  ];
  return { rows: againstRows(pairs), notes, agreement: allHold(...bits) };
}

/**
 * A full training step by this tree and by that of `--against`.
 * @param {Run} run
 */
export async function benchAgainst(run) {
  const { model, batch, against: revision = "", threads, rounds } = run.options;
  const other = commit(revision).slice(0, 12);
  const engines = enginesHere(run);
  if (engines.length === 0) throw new UsageError("None of these engines runs here.");
  const tree = layOut(run, { revision, withTensorflow: engines.includes("tensorflow") });
  const { tokens } = await batchesFor(run);
  const { rows, notes, agreement } = await compareTrees(run, engines, tree);
  run.publish({
    command: commandLine("train", run.options),
    title: `Training step against ${other}, ${model}, batch ${batch}, ${tokens} tokens`,
    setting: `${threads} threads, medians of ${rounds} interleaved rounds`,
    rows,
    notes: [`before is ${other}, now ${describeOwnTree()}.`, ...notes],
  });
  return { agreement };
}
