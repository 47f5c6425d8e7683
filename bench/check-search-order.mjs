// Prints whether `clip-ts search` gives held-out drawings in the order of the evaluation's retrieval.
//
//     node bench/check-search-order.mjs [MODEL]     # by default runs/quickstart/model
//
// Needs `pnpm build`. Each of Fluent Emoji's 1,852 names is searched for among their drawings, once by `index` and
// `search --queries`, once by `retrieval` of @clip-ts/evaluation; compared are the first 50 of each name, and recall.
// Two drawings whose cosines differ by less than 1e-6 may change places. Exit code 1 if anything else differs.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openEmoji } from "../apps/quickstart/dist/emoji/definition.js";
import { captionedImages } from "../apps/trainer/dist/commands/shared/images.js";
import { withClip } from "../apps/trainer/dist/commands/shared/open-model.js";
import { scoresOf } from "../packages/core/dist/index.js";
import { startEngine } from "../packages/engines/dist/index.js";
import { retrieval } from "../packages/evaluation/dist/index.js";
import { closing, loadEmbedder } from "../packages/inference/dist/index.js";
import { openModel } from "../packages/node/dist/index.js";
import { formatQuery } from "../packages/search/dist/index.js";

const compared = 50;
const tolerance = 1e-6;
const program = fileURLToPath(new URL("../apps/trainer/bin/clip-ts.js", import.meta.url));

/** Runs clip-ts. @returns what it prints. */
function run(...words) {
  const settings = { encoding: "utf8", maxBuffer: 2 ** 30, stdio: ["ignore", "pipe", "inherit"] };
  const { status, stdout } = spawnSync(process.execPath, [program, ...words], settings);
  if (status !== 0) throw new Error(`clip-ts ${words[0]} ended with ${status}`);
  return stdout;
}

/** Every drawing in a folder of its own order, and the hits of each name. */
function bySearch(model, records, folder) {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures);
  const ids = records.map(({ path }, at) => join(pictures, String(at).padStart(5, "0") + extname(path)));
  for (const [at, { path }] of records.entries()) copyFileSync(path, ids[at]);
  const queries = records.map(({ captions: [name] }) =>
    formatQuery({ terms: [{ kind: "text", value: name, weight: 1 }] }),
  );
  writeFileSync(join(folder, "queries.txt"), `${queries.join("\n")}\n`);
  const index = join(folder, "index");
  run("index", model, pictures, "-o", index, "--no-exif", "--store", "flat");
  const lines = run("search", "--queries", join(folder, "queries.txt"), "-i", index, "--all", "-n", String(compared));
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { error, hits } = JSON.parse(line);
      if (error !== undefined) throw new Error(`${line}: ${error}`);
      return hits.map(({ id, similarity }) => ({ row: rowOf.get(id), similarity }));
    });
}

/** The rows of all drawings and names as the evaluation embeds them, and its report. */
async function byEvaluation(model, source) {
  const stored = await openModel(model);
  const { compiler } = await startEngine("auto");
  const embedder = await closing(stored, () => loadEmbedder(stored, compiler));
  return withClip(stored, embedder, (clip) =>
    retrieval(clip, captionedImages(source, stored.preprocess), { captions: "first" }),
  );
}

/** Places at which a name's hits differ from the evaluation's order by more than rounding. */
function differences(hits, scores) {
  const order = Array.from(scores.keys()).toSorted((a, b) => scores[b] - scores[a]);
  return hits.filter(({ row, similarity }, at) => {
    const isPlace = Math.abs(scores[row] - scores[order[at]]) <= tolerance;
    return !isPlace || Math.abs(similarity - scores[row]) > tolerance;
  }).length;
}

const [model = "runs/quickstart/model"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "clip-ts-order-"));
try {
  const source = await openEmoji({ kind: "emoji", vendors: ["fluent"], locales: ["en"] });
  const found = bySearch(model, source.records, folder);
  const { images, texts, report } = await byEvaluation(model, source);
  let [wrong, first, same] = [0, 0, 0];
  for (const [name, hits] of found.entries()) {
    const scores = scoresOf(texts, name, images);
    const different = differences(hits, scores);
    wrong += different;
    if (different === 0) same++;
    if (hits[0]?.row === name) first++;
  }
  const recall = (share) => `${(100 * share).toFixed(2)} %`;
  console.log(`names searched for          ${found.length}, among ${images.rows} drawings`);
  console.log(`same first ${compared} in order      ${same} names, ${wrong} places differ`);
  console.log(
    `right drawing first         search ${recall(first / found.length)}, evaluation ${recall(report.textToImage.recallAt1)}`,
  );
  process.exitCode = wrong === 0 && found.length === images.rows ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
