// @ts-check
// A folder of people's photographs as they lie on disks, from a seed: JPEGs that are turned in all eight ways and dated,
// PNG, WebP, GIF and AVIF pictures, broken ones, films, sidecars, what macOS leaves beside files, links and loops.
//
//     node bench/make-photographs.mjs FOLDER [--count 5000] [--seed 1]
//
// Prints what an index of the folder has to hold and to leave out, as JSON. 5,000 take two minutes on two cores.
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { randomStream } from "@clip-ts/base";
import sharp from "sharp";
import { drawPhoto } from "./inputs/draw-photo.mjs";

/** @typedef {import("@clip-ts/base").RandomStream} RandomStream */
/** @typedef {{ number: number, taken: number }} Facts */
/** @typedef {{ name: string, bytes: Uint8Array, changed: number }} Made */

const { values, positionals } = parseArgs({
  options: { count: { type: "string", default: "5000" }, seed: { type: "string", default: "1" } },
  allowPositionals: true,
});
const [folder] = positionals;
const [count, seed] = [Number(values.count), Number(values.seed)];
if (folder === undefined || !Number.isInteger(count) || count < 40) {
  throw new Error("Usage: node bench/make-photographs.mjs FOLDER [--count N, at least 40] [--seed N]");
}

/** Of 40 files in turn what each is. */
const kinds = [
  ...Array.from({ length: 24 }, () => "jpeg"),
  ..."png png png webp webp gif avif upper".split(" "),
  ..."cut empty text film heic sidecar apple apple".split(" "),
];

const pad = (/** @type {number} */ value) => String(value).padStart(2, "0");

/** @param {number} ms */
function exifDate(ms) {
  const date = new Date(ms);
  const day = [date.getUTCFullYear(), pad(date.getUTCMonth() + 1), pad(date.getUTCDate())].join(":");
  return `${day} ${[date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(pad).join(":")}`;
}

/** A few photographs, of which all files are parts: drawing each anew would take ten times as long. */
const originals = await Promise.all(
  Array.from({ length: Math.min(32, Math.ceil(count / 20)) }, (_, number) =>
    drawPhoto({ width: 1600, height: 1200, seed: seed * 1000 + number }),
  ),
);

/**
 * Part of a photograph, in colours of its own.
 * @param {RandomStream} random
 */
function part(random) {
  const original = originals[random.integer(originals.length)];
  const [width, height] = [320 + random.integer(900), 240 + random.integer(700)];
  const [left, top] = [random.integer(1600 - width), random.integer(1200 - height)];
  return sharp(original)
    .extract({ left, top, width, height })
    .modulate({ hue: random.integer(360) });
}

/**
 * @param {import("sharp").Sharp} picture
 * @param {Facts} facts
 */
function jpeg(picture, { number, taken }) {
  const turned = picture.withMetadata({ orientation: 1 + (number % 8) }).jpeg({ quality: 88 });
  if (number % 5 === 0) return turned.toBuffer(); // a clock that was not set
  const zone = number % 2 === 0 ? { OffsetTimeOriginal: "+02:00" } : {};
  return turned.withExifMerge({ IFD2: { DateTimeOriginal: exifDate(taken), ...zone } }).toBuffer();
}

/**
 * Of each kind its ending and how its bytes are made.
 * @type {Record<string, readonly [ending: string, make: (random: RandomStream, facts: Facts) => Promise<Uint8Array>]>}
 */
const makers = {
  jpeg: ["jpg", (random, facts) => jpeg(part(random), facts)],
  upper: ["JPG", (random, facts) => jpeg(part(random), facts)],
  cut: ["jpg", async (random, facts) => (await jpeg(part(random), facts)).subarray(0, 2000)],
  png: ["png", (random) => part(random).resize(400).png({ compressionLevel: 3 }).toBuffer()],
  webp: ["webp", (random) => part(random).webp({ effort: 0 }).toBuffer()],
  gif: ["gif", (random) => part(random).resize(200).gif({ effort: 1 }).toBuffer()],
  avif: ["avif", (random) => part(random).resize(200).avif({ effort: 0 }).toBuffer()],
  empty: ["jpg", async () => Buffer.alloc(0)],
  text: ["png", async () => Buffer.from("not a picture")],
  film: ["mp4", async () => Buffer.alloc(50_000, 7)],
  heic: ["heic", async () => Buffer.from("\0\0\0\u0018ftypheic")],
  sidecar: ["xmp", async () => Buffer.from("<xmp/>")],
  apple: ["jpg", async () => Buffer.from("\0\u0005\u0016\u0007")],
};

/**
 * @param {number} number
 * @returns {Promise<Made & { kind: string }>}
 */
async function make(number) {
  const random = randomStream(seed, "photograph", number);
  const kind = kinds[number % kinds.length] ?? "jpeg";
  const taken = Date.UTC(2015 + random.integer(10), random.integer(12), 1 + random.integer(28), random.integer(24));
  const maker = makers[kind];
  if (maker === undefined) throw new Error(`There is no way to make ${kind}.`);
  const [ending, draw] = maker;
  const bytes = await draw(random, { number, taken });
  const year = new Date(taken).getUTCFullYear();
  const start = kind === "apple" ? "._" : "";
  const name = join(
    String(year),
    ["Ferien am Meer", "家族", "work"][number % 3] ?? "",
    `${start}IMG_${number}.${ending}`,
  );
  return { kind, name, bytes, changed: taken };
}

/** @type {Record<string, number>} */
const made = {};
const atOnce = 8;
for (let start = 0; start < count; start += atOnce) {
  const numbers = Array.from({ length: Math.min(atOnce, count - start) }, (_, index) => start + index);
  for (const { kind, name, bytes, changed } of await Promise.all(numbers.map(make))) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    utimesSync(path, changed / 1000, changed / 1000);
    made[kind] = (made[kind] ?? 0) + 1;
  }
}
writeFileSync(join(folder, ".DS_Store"), "\0");
symlinkSync("nowhere.jpg", join(folder, "broken link.jpg"));
symlinkSync(".", join(folder, "loop"));

const of = (/** @type {string[]} */ ...names) => names.reduce((sum, name) => sum + (made[name] ?? 0), 0);
console.log(
  JSON.stringify({
    files: count,
    pictures: of("jpeg", "upper", "png", "webp", "gif", "avif"),
    leftOut: {
      "unreadable-image": of("cut", "empty", "text"),
      hidden: of("apple") + 1,
      "broken-link": 1,
      loop: 1,
      "ending .heic": of("heic"),
      "ending .mp4": of("film"),
      "ending .xmp": of("sidecar"),
    },
  }),
);
