// @ts-check
// pnpm fuzz: changed files of every kind through the readers that users meet. Whatever is changed, the answer is
// what was read or one error of ours, in seconds and in bounded memory.
//
//   pnpm fuzz [--count 2000] [--seed 1] [--kind KIND] [--case INDEX] [--keep FOLDER]
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { byteChanges } from "./fuzz/change-bytes.mjs";
import { layOut } from "./fuzz/corpus.mjs";
import { startChild } from "./fuzz/pool.mjs";
import { randomOf } from "./fuzz/random.mjs";
import { report } from "./fuzz/report.mjs";

/** @typedef {import("./fuzz/corpus.mjs").Original} Original */
/** @typedef {Original & { digest: string, content: Buffer }} Known */

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    kind: { type: "string" },
    case: { type: "string" },
    keep: { type: "string" },
  },
});
const seed = Number(values.seed);
const children = 2;

/** The originals as they are read unchanged; formats that are not read here are said and tried all the same. @param {readonly Original[]} originals */
async function readOriginals(originals) {
  const child = await startChild();
  /** @type {Known[]} */
  const known = [];
  for (const original of originals) {
    const { outcome, digest, message } = await child.read(original);
    const content = readFileSync(original.file);
    if (outcome !== "accepted")
      console.log(`unchanged, ${basename(original.file)} is ${outcome}: ${message?.slice(0, 120)}`);
    known.push({ ...original, digest: digest ?? "", content });
  }
  child.close();
  return known;
}

/** @param {readonly Known[]} known every kind as often as any other @param {number} index */
function originalOf(known, index) {
  const kinds = [...new Set(known.map(({ kind }) => kind))];
  const kind = kinds[index % kinds.length];
  const own = known.filter((original) => original.kind === kind);
  const random = randomOf(seed, index);
  return { original: random.pick(own), random };
}

/** @param {Known} original @param {import("./fuzz/random.mjs").Random} random */
function changed({ content, changes }, random) {
  const own = random.below(3) > 0 ? changes : byteChanges;
  let bytes = content;
  for (let times = 1 + random.below(2); times > 0 && bytes.length > 8; times--) {
    const change = random.pick(own);
    try {
      bytes = change(bytes, random);
    } catch {
      bytes = random.pick(byteChanges)(bytes, random); // no longer of its format
    }
  }
  return bytes;
}

/** @param {readonly Known[]} known @param {readonly number[]} indices @param {string} folder */
async function runChain(known, indices, folder) {
  const child = await startChild();
  /** @type {import("./fuzz/report.mjs").Case[]} */
  const cases = [];
  for (const index of indices) {
    const { original, random } = originalOf(known, index);
    const bytes = changed(original, random);
    const place = original.place.replace(corpusFolder, folder);
    const file = original.file.replace(corpusFolder, folder);
    writeFileSync(file, bytes);
    const result = await child.read({ reader: original.reader, place });
    if (values.keep !== undefined) {
      mkdirSync(values.keep, { recursive: true });
      copyFileSync(file, join(values.keep, `${index}-${basename(file)}`));
    }
    writeFileSync(file, original.content);
    const same = result.digest === original.digest;
    cases.push({ ...result, kind: original.kind, index, file: relative(folder, file), same });
  }
  child.close();
  return cases;
}

const scratch = mkdtempSync(join(tmpdir(), "clip-ts-fuzz-"));
const corpusFolder = join(scratch, "originals");
try {
  const all = await readOriginals(await layOut(corpusFolder));
  const known = values.kind === undefined ? all : all.filter(({ kind }) => kind === values.kind);
  if (known.length === 0) {
    const kinds = [...new Set(all.map(({ kind }) => kind))].join(", ");
    throw new Error(`--kind ${values.kind}: expected one of ${kinds}`);
  }
  const asked =
    values.case === undefined ? Array.from({ length: Number(values.count) }, (_, at) => at) : [Number(values.case)];
  const chains = Array.from({ length: children }, async (_, chain) => {
    const folder = join(scratch, `chain-${chain}`);
    await layOut(folder);
    return runChain(
      known,
      asked.filter((_index, at) => at % children === chain),
      folder,
    );
  });
  const cases = (await Promise.all(chains)).flat().toSorted((a, b) => a.index - b.index);
  process.exitCode = report(cases, seed) > 0 ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
