// @ts-check
// What weights of fewer bits cost and gain: speed, size, memory, and how far features and answers move.
import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { commandLine } from "../options.mjs";
import { interleave, startSides } from "../measure/rounds.mjs";
import { median } from "../measure/statistics.mjs";
import { gibibytes, milliseconds, ratio } from "../report/figures.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { batchesFor, convertedModel, startModel } from "./model-files.mjs";
import { roundsOf } from "./run.mjs";
import { nodeSide } from "./sides.mjs";

const dtypes = /** @type {const} */ (["f32", "f16", "q8"]);
const suffixes = { f32: "", f16: "_fp16", q8: "_quantized" };
/** The smallest cosine to f32 that each may have. */
const cosineLimits = { f32: 1 - 1e-6, f16: 0.9999, q8: 0.99 };

/**
 * The smallest cosine of rows of two lists, all of them unit rows.
 * @param {readonly number[]} a
 * @param {readonly number[]} b
 * @param {number} rows
 */
function smallestCosine(a, b, rows) {
  const dim = a.length / rows;
  return Math.min(
    ...Array.from({ length: rows }, (_, row) =>
      a.slice(row * dim, (row + 1) * dim).reduce((sum, value, at) => sum + value * (b[row * dim + at] ?? 0), 0),
    ),
  );
}

/**
 * Bytes of the towers' exported files.
 * @param {string} folder
 * @param {keyof typeof suffixes} dtype
 */
const fileBytes = (folder, dtype) =>
  ["text_model", "vision_model"].reduce(
    (sum, name) => sum + statSync(join(folder, "onnx", `${name}${suffixes[dtype]}.onnx`)).size,
    0,
  );

const program = fileURLToPath(new URL("../../apps/clip-ts/bin/clip-ts.js", import.meta.url));

/**
 * How many of a trained model's names find their emoji drawing first, and the other way round.
 * @param {string} model
 * @param {string} dtype
 */
async function retrievalOf(model, dtype) {
  const words = ["evaluate", model, "--retrieval", "emoji:fluent", "--engine", "onnx", "--dtype", dtype, "--json", "-"];
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], { maxBuffer: 2 ** 26 });
  const { retrieval } = JSON.parse(stdout);
  return retrieval;
}

/**
 * What each dtype leaves of a trained model's right answers.
 * @param {string} trained
 */
async function answersOf(trained) {
  /** @type {string[]} */
  const found = [];
  for (const dtype of dtypes) {
    const { imageToText, textToImage } = await retrievalOf(trained, dtype);
    found.push(`${dtype} ${recallOf(imageToText)} and ${recallOf(textToImage)} of ${imageToText.queries}`);
  }
  return `A trained model, emoji:fluent, right in first place, name of a picture and picture of a name: ${found.join("; ")}.`;
}

/** @param {{ recallAt1: number }} scores */
const recallOf = ({ recallAt1 }) => `${(100 * recallAt1).toFixed(1)} %`;

/** @param {import("../measure/rounds.mjs").Timing} timing */
const processorTime = ({ cpuMilliseconds, milliseconds: wall }) =>
  median(cpuMilliseconds.length > 0 ? cpuMilliseconds : wall);

/** @typedef {import("../measure/rounds.mjs").Timing} Timing */

/**
 * A row of the table for each dtype, and whether its features are near enough to those of f32. A side that failed has
 * none.
 * @param {{ images: readonly Timing[], texts: readonly Timing[], exported: string, count: number }} measured
 */
function rowsOf({ images, texts, exported, count }) {
  const ofDtype = (/** @type {readonly Timing[]} */ timings, /** @type {string} */ dtype) =>
    timings.find(({ name }) => name === dtype);
  const [firstImage, firstText] = [ofDtype(images, "f32"), ofDtype(texts, "f32")];
  if (firstImage === undefined || firstText === undefined) return [];
  return dtypes.flatMap((dtype) => {
    const [image, text] = [ofDtype(images, dtype), ofDtype(texts, dtype)];
    if (image === undefined || text === undefined) return [];
    const cosines = [
      smallestCosine(image.shown[0], firstImage.shown[0], count),
      smallestCosine(text.shown[0], firstText.shown[0], count),
    ];
    const cells = [
      dtype,
      milliseconds(processorTime(image)),
      ratio(processorTime(firstImage) / processorTime(image)),
      milliseconds(processorTime(text)),
      ratio(processorTime(firstText) / processorTime(text)),
      (fileBytes(exported, dtype) / fileBytes(exported, "f32")).toFixed(3),
      gibibytes(image.roundPeakBytes),
      ...cosines.map((value) => value.toFixed(6)),
    ];
    return [{ cells, holds: Math.min(...cosines) >= cosineLimits[dtype] }];
  });
}

/**
 * Embedding on ONNX Runtime with weights of 32, 16 and 8 bits.
 * @param {import("./run.mjs").Run} run
 */
export async function benchDtypes(run) {
  const { model, batch: count, threads, rounds, trained } = run.options;
  const { folder } = await startModel(run);
  const exported = await convertedModel(run, "onnx");
  const { path, tokens } = await batchesFor(run);
  const specs = dtypes.map((dtype) =>
    nodeSide(dtype, "infer-clip-ts.mjs", { model: folder, batch: path, engine: "onnx", threads, dtype }),
  );
  const sides = await startSides(specs, run.note);
  const settings = roundsOf(run);
  const images = await interleave(sides, { ...settings, request: { part: "images" } });
  const texts = await interleave(sides, { ...settings, request: { part: "texts" } });
  await Promise.all(sides.map((side) => side.close()));
  const rows = rowsOf({ images: images.timings, texts: texts.timings, exported, count });
  run.publish({
    command: commandLine("dtypes", run.options),
    title: `Weights of fewer bits, ${model}, batch ${count}, ${tokens} tokens, onnx`,
    setting: `${threads} threads, medians of ${rounds} interleaved rounds`,
    rows: [
      ["", "images ms", "speed", "texts ms", "speed", "files", "peak", "cosine", "of texts"],
      ...rows.map(({ cells }) => cells),
    ],
    notes: [
      "ms: processor time of all threads, which other programs on the machine touch least; speed is by it.",
      "files: bytes of the exported towers, as a share of f32's; peak: GiB that the process held at most in the rounds.",
      "cosine: the smallest between the features of a row and f32's.",
      ...(trained === undefined ? [] : [await answersOf(trained)]),
      ...versionNotes(images.timings),
      idleNote(Math.max(images.idleShare, texts.idleShare)),
    ],
  });
  return { agreement: { holds: rows.length === dtypes.length && rows.every(({ holds }) => holds) } };
}
