// @ts-check
// The figures this project has set itself: each row of the table, what was measured, and whether it holds.
import { median } from "../measure/statistics.mjs";
import { commandLine, readOptions } from "../options.mjs";
import { allHold } from "../report/agreement.mjs";
import { ratio, seconds } from "../report/figures.mjs";
import { bestOf } from "../report/throughput.mjs";
import { benchInfer } from "./infer.mjs";
import { withOptions } from "./run.mjs";
import { benchTrain, buildMilliseconds } from "./train.mjs";

/**
 * @typedef {import("../measure/rounds.mjs").Timing} Timing
 * @typedef {import("./run.mjs").Run} Run
 * @typedef {Record<keyof typeof runs, readonly Timing[]>} Measured
 * @typedef {object} Target
 * @property {string} what
 * @property {string} against
 * @property {string} wanted
 * @property {(measured: Measured) => { shown: string, holds: boolean } | undefined} judge nothing if a side
 *   was not there
 */

/** The runs that all rows come from, as words on the command line. */
const runs = {
  "captions f32": "train --engines tensorflow,onnx --peers open_clip",
  "captions bf16": "train --precision bf16 --engines tensorflow --peers open_clip",
  "77 f32": "train --tokens 77 --engines tensorflow --peers open_clip",
  "77 bf16": "train --tokens 77 --precision bf16 --engines tensorflow --peers open_clip",
  "images f32": "infer --engines tensorflow,onnx --peers open_clip,transformers.js",
  "images bf16": "infer --precision bf16 --engines tensorflow --peers open_clip",
};

/**
 * @param {readonly Timing[]} timings
 * @param {string} start of the side's name; the fastest of several counts
 * @returns {Timing | undefined}
 */
const sideOf = (timings, start) =>
  timings
    .filter(({ name }) => name.startsWith(start))
    .toSorted((a, b) => median(a.milliseconds) - median(b.milliseconds))[0];

/**
 * A row on speed: the peer's median as a multiple of ours.
 * @param {string} what
 * @param {{ run: keyof Measured, ours?: string, against: string, atLeast: number }} row
 * @returns {Target}
 */
const speed = (what, { run, ours, against, atLeast }) => ({
  what,
  against,
  wanted: `>= ${atLeast}x`,
  judge(measured) {
    const timings = measured[run];
    const [mine, theirs] = [ours === undefined ? bestOf(timings) : sideOf(timings, ours), sideOf(timings, against)];
    if (mine === undefined || theirs === undefined) return undefined;
    const times = median(theirs.milliseconds) / median(mine.milliseconds);
    return { shown: ratio(times), holds: times >= atLeast };
  },
});

/**
 * A row on memory: our peak as a multiple of the peer's.
 * @param {string} ours
 * @returns {Target}
 */
const memory = (ours) => ({
  what: `peak memory f32, ${ours}`,
  against: "open_clip",
  wanted: "<= 1x",
  judge(measured) {
    const timings = measured["captions f32"];
    const mine = sideOf(timings, `clip-ts ${ours}`)?.peakBytes;
    const theirs = sideOf(timings, "open_clip")?.peakBytes;
    if (mine === undefined || theirs === undefined) return undefined;
    return { shown: ratio(mine / theirs), holds: mine <= theirs };
  },
});

/**
 * A row on the time from loaded weights to a compiled step.
 * @param {string} ours
 * @returns {Target}
 */
const build = (ours) => ({
  what: `build + compile, ${ours}`,
  against: "-",
  wanted: "<= 20 s",
  judge(measured) {
    const mine = sideOf(measured["captions f32"], `clip-ts ${ours}`);
    if (mine === undefined) return undefined;
    const taken = buildMilliseconds(mine);
    return { shown: `${seconds(taken)} s`, holds: taken <= 20_000 };
  },
});

/** @type {readonly Target[]} */
const targets = [
  .../** @type {const} */ ([
    ["captions f32", "tensorflow", 2.3],
    ["captions bf16", "tensorflow", 2.3],
    ["77 f32", "tensorflow", 1.5],
    ["77 bf16", "tensorflow", 1.5],
    ["captions f32", "onnx", 1.8],
  ]).map(([run, engine, atLeast]) =>
    speed(`step, ${run}, ${engine}`, {
      run,
      ours: `clip-ts ${engine}`,
      against: "open_clip",
      atLeast,
    }),
  ),
  speed("images f32, best engine", { run: "images f32", against: "open_clip", atLeast: 1.5 }),
  speed("images f32, best engine", { run: "images f32", against: "transformers.js", atLeast: 1.2 }),
  speed("images bf16, best engine", { run: "images bf16", against: "open_clip", atLeast: 1.5 }),
  memory("tensorflow"),
  memory("onnx"),
  build("tensorflow"),
  build("onnx"),
];

/**
 * One run of the table, with the words of the whole added to its own.
 * @param {Run} run
 * @param {string} words
 */
async function measure(run, words) {
  const { command, options } = readOptions([...words.split(" "), ...run.options.words]);
  run.note(`\nbench ${commandLine(command ?? "", options)}`);
  const part = withOptions(run, options);
  if (command === "train") return benchTrain(part);
  const { images, agreement } = await benchInfer(part);
  return { timings: images, agreement };
}

/** @param {Measured} measured */
function rowsOf(measured) {
  const body = targets.map(({ what, against, wanted, judge }) => {
    const judged = judge(measured);
    const verdict = judged === undefined ? "no figure" : judged.holds ? "reached" : "missed";
    return [what, against, judged?.shown ?? "-", wanted, verdict];
  });
  return [["", "against", "measured", "wanted", ""], ...body];
}

/**
 * Every row of the table of targets, from as few runs as that takes.
 * @param {Run} run
 */
export async function benchTable(run) {
  const names = /** @type {(keyof Measured)[]} */ (Object.keys(runs));
  /** @type {Partial<Measured>} */
  const measured = {};
  const agreements = [];
  for (const name of names) {
    const { timings, agreement } = await measure(run, runs[name]);
    measured[name] = timings;
    agreements.push(agreement);
  }
  const { model, batch, threads, rounds } = run.options;
  run.publish({
    command: commandLine("table", run.options),
    title: `Targets, ${model}, batch ${batch}`,
    setting: `${threads} threads, medians of ${rounds} interleaved rounds`,
    rows: rowsOf(/** @type {Measured} */ (measured)),
    notes: [],
  });
  return { agreement: allHold(...agreements) };
}
