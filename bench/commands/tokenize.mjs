// @ts-check
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { preset } from "@clip-ts/model";
import { tokenizerFor } from "@clip-ts/inference";
import { writeDescription } from "@clip-ts/node";
import { clipPreprocess } from "@clip-ts/image";
import { drawCaptions } from "../inputs/captions.mjs";
import { startSides, interleave } from "../measure/rounds.mjs";
import { allHold, equalRows } from "../report/agreement.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { commandLine } from "../options.mjs";
import { throughputRows } from "../report/throughput.mjs";
import { roundsOf } from "./run.mjs";
import { nodeSide, openClipSide } from "./sides.mjs";

/** Texts beyond plain English that tokenizers must clean and split alike. */
const odd = [
  "Two dogs, running on the beach at 6 o'clock!",
  "ein Bär auf dem Eis",
  "  too   many\tspaces ",
  "fish &amp; chips, 100% fresh :)",
  "東京タワーの夜景",
];

/** transformers.js leaves out the cleaning of quotes and entities: only these must be equal. */
const isPlain = (/** @type {string} */ text) => /^[ -~]*$/u.test(text) && !text.includes("&");

/**
 * Every peer against clip-ts.
 * @param {readonly import("../measure/rounds.mjs").Timing[]} timings
 * @param {readonly string[]} texts
 */
function comparisons(timings, texts) {
  const [ours, ...peers] = timings.map(({ name, shown }) => ({ name, rows: shown[0] }));
  if (ours === undefined) return [];
  return peers.map((peer) =>
    equalRows(ours, peer, (row) => peer.name !== "transformers.js" || isPlain(texts[row] ?? "")),
  );
}

/**
 * A folder with the tokenizer and preprocessor files of ViT-B/32, without weights.
 * @param {import("./run.mjs").Run} run
 * @returns {Promise<string>}
 */
export function descriptionFolder({ once, workspace }) {
  return once("description", async () => {
    const config = preset("ViT-B/32");
    const preprocess = clipPreprocess(config.vision.imageSize);
    const folder = join(workspace, "description");
    await writeDescription(folder, { config, preprocess, ...tokenizerFor(config) });
    return folder;
  });
}

/**
 * Captions to ids, padded to 77.
 * @param {import("./run.mjs").Run} run
 */
export async function benchTokenize(run) {
  const { quick, rounds, peers } = run.options;
  const count = quick ? 200 : 10_000;
  const captions = join(run.workspace, "captions.txt");
  const texts = [...odd, ...drawCaptions(count - odd.length)];
  writeFileSync(captions, texts.join("\n"));
  const folder = await descriptionFolder(run);
  const specs = [
    nodeSide("clip-ts", "tokenize-clip-ts.mjs", { captions }),
    ...(peers.includes("transformers.js")
      ? [nodeSide("transformers.js", "tokenize-transformers-js.mjs", { captions, folder })]
      : []),
    ...(await openClipSide(run, "tokenize", { captions })),
  ];
  const sides = await startSides(specs, run.note);
  const { timings, idleShare } = await interleave(sides, roundsOf(run));
  await Promise.all(sides.map((side) => side.close()));
  const compared = comparisons(timings, texts);
  run.publish({
    command: commandLine("tokenize", run.options),
    title: `Tokenizing ${count} captions`,
    setting: `one thread, medians of ${rounds} interleaved rounds`,
    rows: throughputRows([{ part: "captions", count, timings }]),
    notes: [...compared.map(({ text }) => text), ...versionNotes(timings), idleNote(idleShare)],
  });
  return {
    timings,
    agreement: allHold(...compared),
  };
}
