// @ts-check
// Pairs in WebDataset tars of a size and number that data sets have. Also a program:
//   node bench/inputs/make-shards.mjs FOLDER [--size 256-350|640-800|1200] [--pairs N]
import { existsSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { randomStream } from "@clip-ts/base";
import { writeFileWhole } from "@clip-ts/files";
import { localStore, writeTar, writeTarIndexes } from "@clip-ts/node";
import { drawCaptions } from "./captions.mjs";
import { drawPhoto } from "./draw-photo.mjs";

/** @typedef {"256-350" | "640-800" | "1200"} PictureSize */

/** @type {readonly PictureSize[]} */
export const pictureSizes = ["256-350", "640-800", "1200"];

/**
 * Pictures by the lengths of their sides, as img2dataset leaves them (`256-350`) and as they are found.
 * @type {Record<PictureSize, { short: number, long: readonly [number, number] }>}
 */
const lengths = {
  "256-350": { short: 256, long: [256, 350] },
  "640-800": { short: 640, long: [640, 800] },
  1200: { short: 900, long: [1200, 1200] },
};

/**
 * @typedef {object} ShardsWanted
 * @property {PictureSize} size
 * @property {number} pairs
 * @property {number} pictures that differ; the pairs repeat them under keys and captions of their own
 * @property {number} shard pairs of a tar
 */

/** What is drawn where nothing else is said. @type {Record<PictureSize, Omit<ShardsWanted, "size">>} */
const usual = {
  "256-350": { pairs: 100_000, pictures: 2000, shard: 10_000 },
  "640-800": { pairs: 2000, pictures: 200, shard: 1000 },
  1200: { pairs: 1000, pictures: 100, shard: 500 },
};

/**
 * @param {ShardsWanted} wanted
 * @returns {Promise<Buffer[]>}
 */
async function drawPictures({ size, pictures, pairs }) {
  const { short, long } = lengths[size];
  /** @type {Buffer[]} */
  const drawn = [];
  for (let seed = 0; seed < Math.min(pictures, pairs); seed++) {
    const random = randomStream(seed, "sides");
    const other = long[0] + random.integer(long[1] - long[0] + 1);
    const [width, height] = random.integer(2) === 0 ? [short, other] : [other, short];
    drawn.push(await drawPhoto({ width, height, seed }));
  }
  return drawn;
}

/**
 * Captions of 3 to some 25 words, as alt texts are: some are two of the templates joined.
 * @param {number} count
 */
export function drawAltTexts(count) {
  const single = drawCaptions(Math.min(count, 100_000));
  const random = randomStream(0, "alt texts");
  return Array.from({ length: count }, (_, index) => {
    const first = single[index % single.length] ?? "";
    if (random.uniform() < 0.6) return first;
    return `${first} ${single[random.integer(single.length)] ?? ""}`;
  });
}

/**
 * @param {ShardsWanted} wanted
 * @param {readonly Buffer[]} pictures
 * @param {readonly string[]} captions
 * @param {number} index of the shard
 */
function* samplesOf({ pairs, shard }, pictures, captions, index) {
  for (let pair = index * shard; pair < Math.min(pairs, (index + 1) * shard); pair++) {
    const key = String(index).padStart(5, "0") + String(pair - index * shard).padStart(4, "0");
    const caption = captions[pair] ?? "";
    const jpg = pictures[(pair * 7919) % pictures.length] ?? Buffer.alloc(0);
    yield { key, files: { jpg, txt: caption, json: JSON.stringify({ caption, key, status: "success" }) } };
  }
}

/**
 * @param {ShardsWanted} wanted
 * @param {string} folder
 */
async function writeShards(wanted, folder) {
  const pictures = await drawPictures(wanted);
  const captions = drawAltTexts(wanted.pairs);
  const shards = Math.ceil(wanted.pairs / wanted.shard);
  let bytes = 0;
  for (let index = 0; index < shards; index++) {
    const path = join(folder, `${String(index).padStart(5, "0")}.tar`);
    await writeFileWhole(path, writeTar(samplesOf(wanted, pictures, captions, index)));
    bytes += (await stat(path)).size;
  }
  await writeTarIndexes(join(folder, "*.tar"), { store: localStore });
  const picture = pictures.reduce((sum, { length }) => sum + length, 0) / pictures.length;
  return { bytes, picture };
}

/**
 * Tars of pairs below a folder, made if they are not there; whole or not at all.
 * @param {string} parent
 * @param {Partial<ShardsWanted> & Pick<ShardsWanted, "size">} given
 * @param {(line: string) => void} note
 * @returns {Promise<{ folder: string, pattern: string, pairs: number }>}
 */
export async function makeShards(parent, given, note) {
  const wanted = { ...usual[given.size], ...given };
  const { size, pairs, pictures, shard } = wanted;
  const folder = join(parent, `pairs-1-${size}-${pairs}-${pictures}-${shard}`); // 1: how they are drawn
  const made = { folder, pattern: join(folder, "*.tar"), pairs };
  if (existsSync(folder)) return made;
  const startedAt = performance.now();
  const partial = `${folder}.${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const { bytes, picture } = await writeShards(wanted, partial);
  await rename(partial, folder);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const kilobytes = (picture / 1000).toFixed(1);
  note(`made ${pairs} pairs of ${size} px in ${seconds} s: ${bytes} bytes, ${kilobytes} kB a picture, in ${folder}`);
  return made;
}

/** @param {readonly string[]} words */
async function main(words) {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { size: { type: "string", default: "256-350" }, pairs: { type: "string" } },
  });
  const [parent] = positionals;
  if (parent === undefined) throw new Error("Say the folder that the tars are written to.");
  const pairs = values.pairs === undefined ? {} : { pairs: Number(values.pairs) };
  const size = pictureSizes.find((name) => name === values.size);
  if (size === undefined) throw new Error(`--size ${values.size}: there are ${pictureSizes.join(", ")}`);
  const { pattern } = await makeShards(parent, { size, ...pairs }, (line) => console.error(line));
  console.log(pattern);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
