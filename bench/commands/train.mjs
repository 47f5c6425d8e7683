// @ts-check
import { startSides, interleave } from "../measure/rounds.mjs";
import { median } from "../measure/statistics.mjs";
import { agreementOf, allHold } from "../report/agreement.mjs";
import { gibibytes, milliseconds, ratio, seconds } from "../report/figures.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { commandLine } from "../options.mjs";
import { roundsOf } from "./run.mjs";
import { batchesFor, convertedModel, startModel } from "./model-files.mjs";
import { recipeFor, rule } from "./recipe.mjs";
import { clipTsSides, openClipSide, tfjsNodeSide } from "./sides.mjs";

/**
 * @typedef {import("../measure/rounds.mjs").Timing} Timing
 * @typedef {import("./run.mjs").Run} Run
 */

/** How far losses, and lengths of gradients, may be apart for the sides to have done the same work. */
const limits = { f32: 1e-3, bf16: 5e-2 };

/** @param {Run} run */
async function sidesOf(run) {
  const { folder } = await startModel(run);
  const { path } = await batchesFor(run);
  const options = { recipe: recipeFor(folder, path) };
  const ours = clipTsSides(run, "train-clip-ts.mjs", options);
  const openClip = run.options.peers.includes("open_clip") && (await run.python()) !== undefined;
  const peer = openClip
    ? await openClipSide(run, "train", {
        model: await convertedModel(run, "openai"),
        batches: path,
        rule,
        precision: run.options.precision,
      })
    : [];
  return [...ours, ...peer, ...tfjsNodeSide(run, "train-clip-ts.mjs", options)];
}

/**
 * Milliseconds from the loaded weights to the first finished step, beyond those of a step: tracing,
 * passes, compiling.
 * @param {Pick<Timing, "facts" | "firstMilliseconds" | "milliseconds">} timing
 */
export const buildMilliseconds = ({ facts, firstMilliseconds, milliseconds }) =>
  (facts["openMilliseconds"] ?? 0) + Math.max(0, firstMilliseconds - median(milliseconds));

/** @param {readonly Timing[]} timings */
function rowsOf(timings) {
  const peer = timings.find(({ name }) => name === "open_clip") ?? timings.at(-1);
  const head = ["", "ms/step", "range", "speed", "build", "first", "peak", "later"];
  const rows = timings.map((timing) => [
    timing.name,
    milliseconds(median(timing.milliseconds)),
    `${milliseconds(Math.min(...timing.milliseconds))}-${milliseconds(Math.max(...timing.milliseconds))}`,
    peer === undefined ? "" : ratio(median(peer.milliseconds) / median(timing.milliseconds)),
    seconds(buildMilliseconds(timing)),
    seconds(timing.firstMilliseconds),
    gibibytes(timing.peakBytes),
    gibibytes(timing.roundPeakBytes),
  ]);
  return [head, ...rows];
}

/**
 * Losses, and relative to each other lengths of gradients before clipping.
 * @param {readonly Timing[]} timings
 * @param {"f32" | "bf16"} precision
 */
function agreements(timings, precision) {
  const limit = limits[precision];
  /** @param {(shown: { loss: number, gradNorm: number }) => number} pick */
  const values = (pick) => timings.map(({ name, shown }) => ({ name, values: shown.map(pick) }));
  const losses = values(({ loss }) => loss);
  const norms = values(({ gradNorm }) => Math.log(gradNorm));
  return [
    agreementOf(losses, { what: "losses", limit }),
    agreementOf(norms, { what: "the gradients' lengths (log)", limit }),
  ];
}

/**
 * A full training step: both towers, loss, gradient clipping, AdamW.
 * @param {Run} run
 */
export async function benchTrain(run) {
  const { model, batch, precision, threads, rounds } = run.options;
  const { tokens, meanLength } = await batchesFor(run);
  const sides = await startSides(await sidesOf(run), run.note);
  const { timings, idleShare } = await interleave(sides, roundsOf(run));
  await Promise.all(sides.map((side) => side.close()));
  const compared = agreements(timings, precision);
  run.publish({
    command: commandLine("train", run.options),
    title: `Training step, ${model}, batch ${batch}, ${tokens} tokens, ${precision}`,
    setting: `${threads} threads, ${precision}, medians of ${rounds} interleaved rounds`,
    rows: rowsOf(timings),
    notes: [
      "build: seconds to trace and compile; first: seconds of the first step, with what is " +
        "compiled in it; peak: GiB the process held at most; later: the same in the rounds.",
      `Captions have ${meanLength.toFixed(1)} tokens on average; clip-ts computes ${tokens}, ` +
        "open_clip always its whole context.",
      ...compared.map(({ text }) => text),
      ...versionNotes(timings),
      idleNote(idleShare),
    ],
  });
  return { timings, agreement: allHold(...compared) };
}
