// @ts-check
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sidesOf as sidesOfPicture } from "@clip-ts/base";
import sharp from "sharp";
import { build, defaultClientConditions } from "vite";
import { drawImages } from "../inputs/images.mjs";
import { startSides, interleave } from "../measure/rounds.mjs";
import { median } from "../measure/statistics.mjs";
import { agreementOf, allHold } from "../report/agreement.mjs";
import { milliseconds, rate, ratio, seconds } from "../report/figures.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { commandLine } from "../options.mjs";
import { startModel } from "./model-files.mjs";
import { roundsOf } from "./run.mjs";
import { nodeSide } from "./sides.mjs";

/** @typedef {import("../measure/rounds.mjs").Timing} Timing */

/** How far unit features may be apart, number by number. */
const limit = 1e-5;

/** The page as a bundler makes it, once. */
async function buildPage(/** @type {import("./run.mjs").Run} */ { workspace }) {
  const outDir = join(workspace, "page");
  await build({
    root: fileURLToPath(new URL("../browser/", import.meta.url)),
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["@clip-ts/source", ...defaultClientConditions] },
    worker: { format: "es" },
    build: { outDir, emptyOutDir: true, target: "es2023", reportCompressedSize: false },
  });
  return outDir;
}

/**
 * Pictures as JPEG files, and as pixels of the model's own size, all in one file.
 * @param {import("./run.mjs").Run} run
 * @param {number} count
 * @param {number} side
 */
async function drawPictures({ workspace }, count, side) {
  const folder = join(workspace, "images");
  await mkdir(folder, { recursive: true });
  const paths = await drawImages(folder, count);
  const pixels = paths.map((path) => sharp(path).resize(side, side, { fit: "fill" }).removeAlpha().raw().toBuffer());
  writeFileSync(join(folder, "pixels.bin"), Buffer.concat(await Promise.all(pixels)));
}

/**
 * Each side's times, and how many times as fast as the first it is.
 * @param {string} part
 * @param {number} count
 * @param {readonly Timing[]} timings
 */
function rowsOf(part, count, timings) {
  const first = median(timings[0]?.milliseconds ?? []);
  return timings.map(({ name, milliseconds: all, firstMilliseconds }) => [
    `${part}: ${name}`,
    rate((1000 * count) / median(all)),
    milliseconds(median(all)),
    `${milliseconds(Math.min(...all))}-${milliseconds(Math.max(...all))}`,
    seconds(firstMilliseconds),
    ratio(first / median(all)),
  ]);
}

/**
 * The sides: what a page had before, and ONNX Runtime on one thread, on several, and on a GPU.
 * @param {import("./run.mjs").Run} run
 * @param {Record<string, any>} options
 */
function sidesOf({ options: { threads } }, options) {
  /** @type {(name: string, own: Record<string, any>) => import("../measure/side.mjs").SideSpec} */
  const side = (name, own) => nodeSide(name, "infer-browser.mjs", { ...options, ...own });
  const open = { isIsolated: false, threads: 1 };
  return [
    side("tfjs wasm, one thread", { ...open, engine: "wasm" }),
    side("onnx, page not isolated", { ...open, engine: "onnx" }),
    side("onnx, isolated page", { isIsolated: true, threads, engine: "onnx" }),
    side("onnx-gpu, isolated page", { isIsolated: true, threads, engine: "onnx-gpu" }),
  ];
}

/**
 * Embedding pictures in Chromium, on each engine of a page.
 * @param {import("./run.mjs").Run} run
 */
export async function benchBrowser(run) {
  const { model, batch: count, rounds } = run.options;
  const { folder, description } = await startModel(run);
  run.note("building the page");
  const page = await buildPage(run);
  await drawPictures(run, count, sidesOfPicture(description.config.vision.imageSize).height);
  const options = { folders: [page, run.workspace], model: `/${basename(folder)}/`, count };
  const sides = await startSides(sidesOf(run, options), run.note);
  const settings = roundsOf(run);
  const pixels = await interleave(sides, { ...settings, request: { part: "pixels" } });
  const files = await interleave(sides, { ...settings, request: { part: "files" } });
  await Promise.all(sides.map((side) => side.close()));
  const agreements = [pixels, files].map(({ timings }, index) =>
    agreementOf(
      timings.map(({ name, shown }) => ({ name, values: shown[0] })),
      { what: `features of ${index === 0 ? "pixels" : "files"}`, limit },
    ),
  );
  run.publish({
    command: commandLine("browser", run.options),
    title: `Embedding ${count} pictures in a browser, ${model}`,
    setting: `f32, medians of ${rounds} interleaved rounds`,
    rows: [
      ["", "per s", "ms", "range", "first s", "speed"],
      ...rowsOf("pixels", count, pixels.timings),
      ...rowsOf("files", count, files.timings),
    ],
    notes: [
      "pixels: pictures of the model's own size, so that its tower is what is timed; files: JPEG files of about 640 x 480, decoded and resized in the same worker.",
      ...agreements.map(({ text }) => text),
      ...versionNotes(pixels.timings),
      idleNote(Math.max(pixels.idleShare, files.idleShare)),
    ],
  });
  return { timings: pixels.timings, agreement: allHold(...agreements) };
}
