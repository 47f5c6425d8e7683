// @ts-check
// Whether training waits for data: the same steps from pairs in tars and from ready batches in a file.
import { join } from "node:path";
import { writeBatches } from "../inputs/batches.mjs";
import { drawAltTexts, makeShards } from "../inputs/make-shards.mjs";
import { interleave, startSides } from "../measure/rounds.mjs";
import { commandLine } from "../options.mjs";
import { milliseconds, rate, ratio } from "../report/figures.mjs";
import { idleNote } from "../report/notes.mjs";
import { startModel } from "./model-files.mjs";
import { recipeFor } from "./recipe.mjs";
import { roundsOf, withOptions } from "./run.mjs";
import { nodeSide } from "./sides.mjs";

/**
 * @typedef {import("./run.mjs").Run} Run
 * @typedef {import("../measure/rounds.mjs").Timing} Timing
 */

const names = { shards: "tars", tensors: "ready batches" };

/** Different batches in the file, which are taken again and again. */
const readyBatches = 4;

/** The model that the targets are for. */
const judged = "ViT-S-32";

/**
 * @param {Run} run of one model
 * @param {string} pattern
 * @param {number} steps
 */
async function sidesOf(run, pattern, steps) {
  const { batch, threads, precision, model } = run.options;
  const { folder, description } = await startModel(run);
  const tokens = Math.min(run.options.tokens, description.config.text.contextLength);
  const path = join(run.workspace, `ready-${model.replaceAll("/", "-")}-${batch}.safetensors`);
  const captions = drawAltTexts(readyBatches * batch);
  await writeBatches(path, description, { batches: readyBatches, rows: batch, tokens, captions });
  const tensors = recipeFor(folder, path);
  const data = {
    train: { kind: "webdataset", path: pattern },
    batchSize: batch,
    bucketMultiple: tokens,
    augment: { scale: [0.9, 1] },
  };
  const options = { engine: run.options.engines?.[0] ?? "onnx", threads, precision, steps };
  const environment = { UV_THREADPOOL_SIZE: String(threads + 4) };
  const recipes = { [names.shards]: { ...tensors, data }, [names.tensors]: tensors };
  return Object.entries(recipes).map(([name, recipe]) => ({
    ...nodeSide(name, "train-data.mjs", { ...options, recipe }),
    environment,
  }));
}

/**
 * Waiting and computing of the counted rounds' steps.
 * @param {Timing} timing
 * @param {{ warmup: number, batch: number }} settings
 */
function totalsOf({ shown }, { warmup, batch }) {
  /** @type {{ dataMs: number, computeMs: number }[]} */
  const steps = shown.slice(warmup).flat();
  const dataMs = steps.reduce((sum, step) => sum + step.dataMs, 0);
  const all = steps.reduce((sum, step) => sum + step.computeMs, dataMs);
  return {
    steps: steps.length,
    wait: dataMs / all,
    step: all / steps.length,
    perSecond: (1000 * batch * steps.length) / all,
  };
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(1)} %`;

/**
 * @param {Run} run of one model
 * @param {string} pattern
 * @param {number} steps of a round
 */
async function measure(run, pattern, steps) {
  const { model } = run.options;
  const sides = await startSides(await sidesOf(run, pattern, steps), run.note);
  const { timings, idleShare } = await interleave(sides, roundsOf(run));
  await Promise.all(sides.map((side) => side.close()));
  const [shards, tensors] = [names.shards, names.tensors].map((name) => timings.find((timing) => timing.name === name));
  if (shards === undefined || tensors === undefined) throw new Error(`${model}: a side ended early, see above`);
  const [ours, ready] = [totalsOf(shards, run.options), totalsOf(tensors, run.options)];
  const part = ours.perSecond / ready.perSecond;
  const rows = [
    [
      `${model}: ${names.shards}`,
      String(ours.steps),
      milliseconds(ours.step),
      percent(ours.wait),
      rate(ours.perSecond),
      ratio(part),
    ],
    [
      `${model}: ${names.tensors}`,
      String(ready.steps),
      milliseconds(ready.step),
      percent(ready.wait),
      rate(ready.perSecond),
      "",
    ],
  ];
  const asked = model === judged;
  /** @param {boolean} holds */
  const verdict = (holds) => (asked ? (holds ? "reached" : "missed") : "-");
  const targets = [
    [`${model}: wait`, percent(ours.wait), asked ? "<= 3 %" : "-", verdict(ours.wait <= 0.03)],
    [`${model}: images/s`, ratio(part), asked ? ">= 0.95x" : "-", verdict(part >= 0.95)],
  ];
  return { rows, targets, idleShare };
}

/**
 * Steps of training from a set in tars, in turn with the same from ready batches.
 * @param {Run} run
 */
export async function benchDataTrain(run) {
  const { model, batch, threads, rounds, quick, pairs, inputs, steps } = run.options;
  const few = quick ? { pictures: 8, shard: 32 } : {};
  const { pattern } = await makeShards(inputs ?? run.workspace, { size: "256-350", pairs, ...few }, run.note);
  /** @type {Awaited<ReturnType<typeof measure>>[]} */
  const measured = [];
  for (const name of model.split(",")) measured.push(await measure(withOptions(run, { model: name }), pattern, steps));
  const head = ["", "steps", "ms/step", "wait", "images/s", "of ready"];
  run.publish({
    command: commandLine("data-train", run.options),
    title: `Training from ${pairs} pairs in tars, batch ${batch}`,
    setting: `${threads} threads, ${rounds} rounds of ${steps} steps in turn`,
    rows: [head, ...measured.flatMap(({ rows }) => rows)],
    notes: [
      "wait: share of the time that a step waited for its batch; steps in which something was compiled " +
        "do not count, nor do the first two of each round.",
      idleNote(Math.max(...measured.map(({ idleShare }) => idleShare))),
    ],
  });
  run.publish({
    command: commandLine("data-train", run.options),
    title: "Targets of training from tars",
    setting: `${threads} threads, batch ${batch}`,
    rows: [["", "measured", "wanted", ""], ...measured.flatMap(({ targets }) => targets)],
    notes: [],
  });
  return { agreement: { holds: true } };
}
