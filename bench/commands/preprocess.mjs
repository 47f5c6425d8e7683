// @ts-check
import { clipPreprocess } from "@clip-ts/image";
import { drawImages } from "../inputs/images.mjs";
import { samplesPerImage } from "../inputs/sample.mjs";
import { startSides, interleave } from "../measure/rounds.mjs";
import { agreementOf, allHold } from "../report/agreement.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { commandLine } from "../options.mjs";
import { throughputRows } from "../report/throughput.mjs";
import { roundsOf } from "./run.mjs";
import { nodeSide, openClipSide } from "./sides.mjs";
import { descriptionFolder } from "./tokenize.mjs";

const size = 224;

/**
 * How far normalised pixels may be apart. clip-ts and Pillow are equal to rounding. transformers.js
 * resizes with another library's filter: edges come out up to 30 levels of 255 apart.
 */
const pixelLimits = { open_clip: 1e-5, "transformers.js": 0.5 };

/** @typedef {import("../measure/rounds.mjs").Timing} Timing */

/**
 * Each peer against clip-ts.
 * @param {readonly Timing[]} timings
 * @param {string} what
 */
function agreements(timings, what) {
  const [ours, ...peers] = timings.map(({ name, shown }) => ({ name, values: shown[0] }));
  if (ours === undefined) return [];
  return peers.map((peer) => {
    const limit = /** @type {Record<string, number>} */ (pixelLimits)[peer.name] ?? 0;
    return agreementOf([ours, peer], { what, limit });
  });
}

/**
 * Images to normalised pixels: from decoded pixels, then from JPEG files.
 * @param {import("./run.mjs").Run} run
 */
export async function benchPreprocess(run) {
  const { quick, rounds, peers } = run.options;
  const count = quick ? 4 : 32;
  const images = await drawImages(run.workspace, count);
  const folder = await descriptionFolder(run);
  const { mean, std } = clipPreprocess(size);
  const samples = samplesPerImage;
  const specs = [
    nodeSide("clip-ts", "preprocess-clip-ts.mjs", { images, size }),
    ...(await openClipSide(run, "preprocess", { images, size, mean, std, samples })),
    ...(peers.includes("transformers.js")
      ? [nodeSide("transformers.js", "preprocess-transformers-js.mjs", { images, folder })]
      : []),
  ];
  const sides = await startSides(specs, run.note);
  const settings = roundsOf(run);
  const pixels = await interleave(sides, { ...settings, request: { part: "pixels" } });
  const files = await interleave(sides, { ...settings, request: { part: "files" } });
  await Promise.all(sides.map((side) => side.close()));
  const compared = [
    ...agreements(pixels.timings, "pixels made from pixels"),
    ...agreements(files.timings, "pixels made from files"),
  ];
  run.publish({
    command: commandLine("preprocess", run.options),
    title: `Preprocessing ${count} images to ${size} x ${size}`,
    setting: `one thread, medians of ${rounds} interleaved rounds`,
    rows: throughputRows([
      { part: "pixels", count, timings: pixels.timings },
      { part: "files", count, timings: files.timings },
    ]),
    notes: [
      ...compared.map(({ text }) => text),
      ...versionNotes(pixels.timings),
      idleNote(Math.max(pixels.idleShare, files.idleShare)),
    ],
  });
  return {
    pixels: pixels.timings,
    files: files.timings,
    agreement: allHold(...compared),
  };
}
