// @ts-check
import { startSides, interleave } from "../measure/rounds.mjs";
import { agreementOf, allHold } from "../report/agreement.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { commandLine } from "../options.mjs";
import { throughputRows } from "../report/throughput.mjs";
import { roundsOf } from "./run.mjs";
import { batchesFor, convertedModel, startModel } from "./model-files.mjs";
import { clipTsSides, nodeSide, openClipSide, tfjsNodeSide } from "./sides.mjs";

/** @typedef {import("./run.mjs").Run} Run */

/** How far unit features may be apart, number by number. */
const featureLimits = { f32: 1e-4, bf16: 5e-2 };

/** The two ways open_clip computes in bf16; which is faster depends on the machine. */
const variants = {
  f32: [["open_clip", "f32"]],
  bf16: [
    ["open_clip autocast", "autocast"],
    ["open_clip bf16 weights", "weights"],
  ],
};

/**
 * @param {Run} run
 * @param {string} batch
 */
async function openClipSides(run, batch) {
  if (!run.options.peers.includes("open_clip") || (await run.python()) === undefined) return [];
  const model = await convertedModel(run, "openai");
  const sides = variants[run.options.precision].map(([name, variant]) =>
    openClipSide(run, "infer", { model, batch, variant }, name),
  );
  return (await Promise.all(sides)).flat();
}

/**
 * transformers.js on the files that clip-ts exports; it has no bf16.
 * @param {Run} run
 * @param {string} batch
 */
async function transformersSide(run, batch) {
  const { peers, precision, threads } = run.options;
  if (!peers.includes("transformers.js") || precision !== "f32") return [];
  try {
    const exported = await convertedModel(run, "onnx");
    return [nodeSide("transformers.js", "infer-transformers-js.mjs", { exported, batch, threads })];
  } catch (error) {
    run.note(`skipped transformers.js: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/**
 * Embedding images, then texts.
 * @param {Run} run
 */
export async function benchInfer(run) {
  const { model, batch: count, precision, threads, rounds } = run.options;
  const { folder } = await startModel(run);
  const { path, tokens } = await batchesFor(run);
  const options = { model: folder, batch: path };
  const specs = [
    ...clipTsSides(run, "infer-clip-ts.mjs", options),
    ...(await openClipSides(run, path)),
    ...(await transformersSide(run, path)),
    ...tfjsNodeSide(run, "infer-clip-ts.mjs", options),
  ];
  const sides = await startSides(specs, run.note);
  const settings = roundsOf(run);
  const images = await interleave(sides, { ...settings, request: { part: "images" } });
  const texts = await interleave(sides, { ...settings, request: { part: "texts" } });
  await Promise.all(sides.map((side) => side.close()));
  const limit = featureLimits[precision];
  const [imagesAgree, textsAgree] = [images, texts].map(({ timings }, index) =>
    agreementOf(
      timings.map(({ name, shown }) => ({ name, values: shown[0] })),
      { what: `${index === 0 ? "image" : "text"} features`, limit },
    ),
  );
  run.publish({
    command: commandLine("infer", run.options),
    title: `Embedding, ${model}, batch ${count}, ${tokens} tokens, ${precision}`,
    setting: `${threads} threads, ${precision}, medians of ${rounds} interleaved rounds`,
    rows: throughputRows([
      { part: "images", count, timings: images.timings },
      { part: "texts", count, timings: texts.timings },
    ]),
    notes: [
      `Texts are rows of ${tokens} tokens; open_clip computes its whole context for each.`,
      imagesAgree?.text ?? "",
      textsAgree?.text ?? "",
      ...versionNotes(images.timings),
      idleNote(Math.max(images.idleShare, texts.idleShare)),
    ],
  });
  return {
    images: images.timings,
    texts: texts.timings,
    agreement: allHold(imagesAgree, textsAgree),
  };
}
