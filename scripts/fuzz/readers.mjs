// @ts-check
// The readers that users meet, on the built packages. Each takes a path and gives all that it read.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const trainer = new URL("../../apps/trainer/", import.meta.url);
const { resolve } = createRequire(new URL("package.json", trainer));

/** @param {string} name a package that the trainer depends on */
const open = (name) => import(pathToFileURL(resolve(name)).href);
/** @param {string} path a module of the built trainer */
const openOwn = (path) => import(new URL(`dist/${path}`, trainer).href);

// Loaded before the first case, so that no case is charged for it.
const { decodeImage, openModel, openTower, readTokenizerAlone, withWeights } = await open("@clip-ts/node");
const { convertLayout, readAll } = await open("@clip-ts/weights");
const { clipPreprocess, preprocess } = await open("@clip-ts/image");
const { loadConfig } = await openOwn("config/load-config.js");
const { openSourceByName } = await openOwn("config/sources.js");

const texts = ["a photo of a cat.", "Two  DOGS & a_bird", "don’t \u{1F600} ﬁ", ""];

/** @param {string} place @param {object} text */
async function encoded(place, text) {
  const { tokenizer } = await readTokenizerAlone(place, { text });
  return texts.map((caption) => tokenizer.encode(caption));
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
  async picture(place) {
    return preprocess(await decodeImage(readFileSync(place), place), clipPreprocess(32));
  },
};
