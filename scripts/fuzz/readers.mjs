// @ts-check
// The readers that users meet, on the built packages. Each takes a path and gives all that it read.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname } from "node:path";
import { pathToFileURL } from "node:url";

const trainer = new URL("../../apps/trainer/", import.meta.url);
const { resolve } = createRequire(new URL("package.json", trainer));

/** @param {string} name a package that the trainer depends on */
const open = (name) => import(pathToFileURL(resolve(name)).href);
/** @param {string} path a module of the built trainer */
const openOwn = (path) => import(new URL(`dist/${path}`, trainer).href);

// Loaded before the first case, so that no case is charged for it.
const node = await open("@clip-ts/node");
const { decodeImage, openModel, openTower, readTokenizerAlone, withWeights } = node;
const { leftOutLines, readTexts } = await open("@clip-ts/data");
const { convertLayout, readAll } = await open("@clip-ts/weights");
const { clipPreprocess, preprocess } = await open("@clip-ts/image");
const { loadConfig } = await openOwn("config/load-config.js");
const { openSourceByName } = await openOwn("config/named-source.js");

const texts = ["a photo of a cat.", "Two  DOGS & a_bird", "don’t \u{1F600} ﬁ", ""];

/** @param {string} place @param {object} text */
async function encoded(place, text) {
  const { tokenizer } = await readTokenizerAlone(place, { text });
  return texts.map((caption) => tokenizer.encode(caption));
}

/** What opens files of shards, by their endings. */
const kinds = { tar: "webdataset", parquet: "parquet", csv: "csv", tsv: "tsv", jsonl: "jsonl", mds: "mds" };

/** Bytes of a place, which has to lie within its file. @param {any} place */
function bytesAt({ path, offset, length }) {
  const bytes = readFileSync(path).subarray(offset, offset + length);
  if (bytes.byteLength !== length) throw new RangeError(`${path} has no ${length} bytes at ${offset}`);
  return bytes;
}

/** Every sample: its key, its texts, its image's length or why it has none; and what was left out. @param {any} shard */
async function samplesIn(shard) {
  const opened = await shard.open();
  const samples = [];
  try {
    for (let index = 0; index < Math.min(shard.samples, 1000); index++) {
      const { key, image, texts } = await opened.sample(index);
      const said = await readTexts(texts, async (/** @type {any} */ where) => bytesAt(where));
      const reason = image.reason?.replace(/^.*\//u, "");
      samples.push({ key, said, image: reason ?? bytesAt(image).byteLength });
    }
  } finally {
    await opened.close();
  }
  return samples;
}

/** @param {string} place a tar, a Parquet file, a table or a shard of MDS */
async function readShards(place) {
  const ending = /** @type {keyof typeof kinds} */ (extname(place).slice(1));
  const { localStore: store, openShardSet, writeTarIndexes } = node;
  if (ending === "tar") await writeTarIndexes(place, { store });
  const path = ending === "mds" ? dirname(place) : place;
  /** @type {string[]} */
  const leftOut = [];
  const onLeftOut = (/** @type {string} */ _, /** @type {any} */ found) => void leftOut.push(...leftOutLines(found));
  const set = await openShardSet({ kind: kinds[ending], path, store, onLeftOut });
  try {
    const samples = [];
    for (const shard of set.groups.flatMap((/** @type {any} */ group) => group.shards))
      samples.push(await samplesIn(shard));
    return { samples, leftOut: leftOut.length };
  } finally {
    await set.close();
  }
}

/** @type {Readonly<Record<string, (place: string) => Promise<unknown>>>} */
export const readers = {
  async weights(place) {
    return withWeights(place, async (/** @type {any} */ file) => {
      const tensors = await readAll(file);
      try {
        return { tensors, named: await readAll(convertLayout(file, "huggingface")) };
      } catch (error) {
        // Names of no model are an answer here: most of the originals are none.
        if (/** @type {any} */ (error).name !== "ClipError") throw error;
        return { tensors };
      }
    });
  },
  async model(place) {
    const stored = await openTower(place);
    if (stored === undefined) {
      const { config, preprocess, missingTokenizer } = await openModel(place);
      return { config, preprocess, missingTokenizer };
    }
    const { tower, preprocess } = stored;
    return { tower, preprocess };
  },
  async "siglip tokenizer"(place) {
    return encoded(place, {
      kind: "siglip",
      vocabSize: 139,
      contextLength: 64,
      endTokenId: 1,
      padTokenId: 1,
    });
  },
  async "roberta tokenizer"(place) {
    const tokens = { startTokenId: 0, padTokenId: 1, endTokenId: 2 };
    return encoded(place, { kind: "roberta", vocabSize: 50_265, contextLength: 512, ...tokens });
  },
  async settings(place) {
    return loadConfig(place, []);
  },
  async table(place) {
    const { records } = await openSourceByName(place);
    const count = records.length ?? records.count ?? 0;
    const at = (/** @type {number} */ index) => records.at?.(index) ?? records[index];
    return Array.from({ length: Math.min(count, 1000) }, (_, index) => {
      const { key, captions } = at(index) ?? {};
      return { key: String(key).split("/").slice(-2), captions };
    });
  },
  async shards(place) {
    return readShards(place);
  },
  async picture(place) {
    return preprocess(await decodeImage(readFileSync(place), place), clipPreprocess(32));
  },
};
