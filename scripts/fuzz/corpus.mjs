// @ts-check
// The files that are changed: models, settings, tables and pictures of this repository, each in the folder
// in which its reader finds it.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { byteChanges } from "./change-bytes.mjs";
import * as formats from "./change-formats.mjs";

const root = new URL("../../", import.meta.url);
const sharp = createRequire(new URL("packages/node/package.json", root))("sharp");

/**
 * @typedef {object} Original
 * @property {string} kind
 * @property {string} reader a name in readers.mjs
 * @property {string} file the file that is changed
 * @property {string} place what the reader is given: the file, or its folder
 * @property {readonly import("./change-bytes.mjs").Change[]} changes that know the format
 */

/** @param {string} path */
const at = (path) => fileURLToPath(new URL(path, root));
const fixtures = "packages/test-utils/fixtures";
const weights = "packages/weights/src";

/** @type {readonly (readonly [kind: string, path: string, changes: Original["changes"]])[]} */
const weightFiles = [
  ["safetensors", `${weights}/fixtures/clip-vit.safetensors`, [formats.safetensors]],
  ["safetensors", `${fixtures}/odd-sizes/siglip/model.safetensors`, [formats.safetensors]],
  ["safetensors", `${weights}/fixtures/every-dtype.safetensors`, [formats.safetensors]],
  ["pytorch", `${weights}/pytorch/fixtures/state-dict.pt`, [formats.zip, formats.zipContent]],
  ["pytorch", `${weights}/pytorch/fixtures/training.pt`, [formats.zip, formats.zipContent]],
  ["pytorch", `${weights}/pytorch/fixtures/script.pt`, [formats.zip, formats.zipContent]],
  ["npz", `${weights}/numpy/fixtures/packed.npz`, [formats.zip, formats.zipContent]],
  ["npz", `${weights}/numpy/fixtures/stored.npz`, [formats.zip, formats.zipContent]],
];

/** Model folders, and the file of each that is changed. */
const modelFolders = [
  { name: "clip-vit", path: `${fixtures}/clip-vit`, config: "config.json", size: 32 },
  { name: "siglip", path: `${fixtures}/siglip`, config: "config.json", size: 32 },
  { name: "dual", path: `${fixtures}/dual-encoder`, config: "config.json", size: 16 },
  {
    name: "open-clip",
    path: `${fixtures}/odd-sizes/open-clip`,
    config: "open_clip_config.json",
    size: 32,
  },
  {
    name: "text-alone",
    path: `${fixtures}/projected-towers/text`,
    config: "config.json",
    size: 32,
  },
];

/** @param {number} size */
const preprocessorOf = (size) => ({
  do_resize: true,
  size: { shortest_edge: size },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: size, width: size },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  do_convert_rgb: true,
  image_processor_type: "CLIPImageProcessor",
});

const run = `run: runs/fuzz
model: { preset: nano, imageSize: 16 }
data:
  train: { kind: csv, path: pairs.csv, image: image, caption: caption }
  batchSize: 4
  augment: { scale: [0.9, 1] }
steps: 10
schedule:
  kind: cosine
  learningRate: 1e-3
  warmupSteps: 2
optimizer: { kind: adamw, weightDecay: 0.1 }
loss: { kind: contrastive }
checkpoint: { every: 5, keep: 2 }
`;

const captions = ["a red square", 'a "quoted" one, with commas', "ein blauer Kreis", "two\nlines"];
const csvCell = (/** @type {string} */ text) => `"${text.replaceAll('"', '""')}"`;
const rows = Array.from({ length: 12 }, (_, index) => ({
  image: `images/${index}.png`,
  caption: captions[index % captions.length] ?? "",
}));
const plainRows = rows.map(({ image, caption }) => ({
  image,
  caption: caption.replaceAll(/[\n\t"]/gu, " "),
}));
const tables = {
  "pairs.csv": ["image,caption", ...rows.map((row) => `${row.image},${csvCell(row.caption)}`)],
  "pairs.tsv": ["image\tcaption", ...plainRows.map((row) => `${row.image}\t${row.caption}`)],
  "pairs.jsonl": rows.map((row) => JSON.stringify(row)),
};

/** @param {string} folder @param {string} name @param {string | Uint8Array} content */
function put(folder, name, content) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** @param {string} folder @returns {Original[]} */
function weightsIn(folder) {
  const files = weightFiles.map(([kind, path, changes]) => {
    const file = put(join(folder, kind), basename(path), readFileSync(at(path)));
    return { kind, reader: "weights", file, place: file, changes };
  });
  const sharded = join(folder, "sharded");
  for (const name of ["a.safetensors", "b.safetensors"])
    put(sharded, name, readFileSync(at(`${fixtures}/projected-towers/vision/model.safetensors`)));
  const names = ["visual_projection.weight", "vision_model.post_layernorm.bias"];
  const map = Object.fromEntries(names.map((name, index) => [name, index === 0 ? "a.safetensors" : "b.safetensors"]));
  const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: map });
  const file = put(sharded, "model.safetensors.index.json", index);
  const changes = [formats.json];
  return [...files, { kind: "shard index", reader: "weights", file, place: sharded, changes }];
}

/** @param {string} folder @returns {Original[]} */
function configsIn(folder) {
  return modelFolders.flatMap(({ name, path, config, size }) => {
    const preprocessor = preprocessorOf(size);
    const place = join(folder, "config", name);
    cpSync(at(path), place, { recursive: true });
    const own = put(place, "preprocessor_config.json", JSON.stringify(preprocessor));
    const alone = join(folder, "processor", name);
    cpSync(at(path), alone, { recursive: true });
    const processor = { processor_class: "CLIPProcessor", image_processor: preprocessor };
    const other = put(alone, "processor_config.json", JSON.stringify(processor));
    const shared = { reader: "model", changes: [formats.json] };
    return [
      { kind: "config", file: join(place, config), place, ...shared },
      { kind: "preprocessor", file: own, place, ...shared },
      { kind: "preprocessor", file: other, place: alone, ...shared },
    ];
  });
}

/** @param {string} folder @returns {Original[]} */
function tokenizersIn(folder) {
  const read = (/** @type {string} */ name) =>
    JSON.parse(readFileSync(at(`packages/tokenizer/src/fixtures/${name}.json`), "utf8"));
  const [siglip, roberta] = [read("siglip"), read("roberta")];
  const siglipPlace = join(folder, "tokenizer", "siglip");
  const unigram = put(siglipPlace, "tokenizer.json", JSON.stringify(siglip.tokenizer));
  const special = JSON.stringify({ eos_token: "</s>", pad_token: { content: "</s>" } });
  const settings = put(siglipPlace, "tokenizer_config.json", special);
  const robertaPlace = join(folder, "tokenizer", "roberta");
  const vocabulary = put(robertaPlace, "vocab.json", JSON.stringify(roberta.vocab));
  const merges = Array.isArray(roberta.merges) ? roberta.merges.join("\n") : roberta.merges;
  const pairs = put(robertaPlace, "merges.txt", `#version: 0.2\n${merges}\n`);
  /** @type {readonly [string, string, string, Original["changes"]][]} */
  const files = [
    ["siglip tokenizer", unigram, siglipPlace, [formats.json]],
    ["siglip tokenizer", settings, siglipPlace, [formats.json]],
    ["roberta tokenizer", vocabulary, robertaPlace, [formats.json]],
    ["roberta tokenizer", pairs, robertaPlace, [formats.lines]],
  ];
  return files.map(([reader, file, place, changes]) => ({
    kind: "tokenizer",
    reader,
    file,
    place,
    changes,
  }));
}

/** @param {string} folder @returns {Promise<Original[]>} */
async function picturesIn(folder) {
  const images = "packages/node/src/fixtures/images";
  const stored = [
    "rgb.png",
    "palette-transparent.png",
    "16-bit.png",
    "interlaced.png",
    "rgb.jpg",
    "cmyk.jpg",
    "progressive.jpg",
  ];
  const files = stored.map((name) => put(join(folder, "picture"), name, readFileSync(at(`${images}/${name}`))));
  const source = sharp(at(`${images}/rgb.png`));
  for (const format of ["gif", "webp", "tiff", "avif"])
    files.push(put(join(folder, "picture"), `drawn.${format}`, await source.clone().toFormat(format).toBuffer()));
  const { data, info } = await source.clone().removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const start = `P6\n# drawn\n${info.width} ${info.height}\n255\n`;
  files.push(put(join(folder, "picture"), "drawn.ppm", Buffer.concat([Buffer.from(start), data])));
  files.push(put(join(folder, "picture"), "drawn.bmp", bitmap(data, info.width, info.height)));
  return files.map((file) => {
    const changes = file.endsWith(".png") ? [formats.png] : byteChanges;
    return { kind: "picture", reader: "picture", file, place: file, changes };
  });
}

/** A BMP of 24 bits, rows from the bottom. @param {Buffer} rgb @param {number} width @param {number} height */
function bitmap(rgb, width, height) {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(54 + stride * height);
  bytes.write("BM");
  for (const [at, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, width],
    [22, height],
    [34, stride * height],
  ])
    bytes.writeUInt32LE(value ?? 0, at);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < 3; channel++)
        bytes[54 + (height - 1 - row) * stride + column * 3 + channel] =
          rgb[(row * width + column) * 3 + 2 - channel] ?? 0;
  return bytes;
}

/** Shards of every kind, with the images that tables name. @param {string} folder @returns {Original[]} */
function shardsIn(folder) {
  const fixtures = "packages/data/src/fixtures/shards";
  const place = join(folder, "shards");
  const image = readFileSync(at(`${fixtures}/a.jpg`));
  for (const { image: name } of rows) put(join(place, dirname(name)), basename(name), image);
  put(place, "a.jpg", image);
  put(join(place, "mds"), "index.json", readFileSync(at(`${fixtures}/mds/index.json`)));
  /** @type {readonly (readonly [kind: string, names: readonly string[], change: Original["changes"][number]])[]} */
  const files = [
    ["tar", ["00000.tar", "odd.tar", "gnu.tar"], formats.tar],
    ["parquet", ["snappy", "zstd", "gzip", "none", "lists", "paths"].map((name) => `${name}.parquet`), formats.parquet],
    ["mds", ["mds/shard.00000.mds"], formats.mds],
  ];
  const stored = files.flatMap(([kind, names, change]) =>
    names.map((name) => {
      const file = put(join(place, dirname(name)), basename(name), readFileSync(at(`${fixtures}/${name}`)));
      return { kind, reader: "shards", file, place: file, changes: [change] };
    }),
  );
  const written = Object.entries(tables).map(([name, text]) => {
    const file = put(place, name, `${text.join("\n")}\n`);
    return { kind: "table in blocks", reader: "shards", file, place: file, changes: [formats.table] };
  });
  return [...stored, ...written];
}

/**
 * Lays all originals out in a folder.
 * @param {string} folder
 * @returns {Promise<Original[]>}
 */
export async function layOut(folder) {
  const settings = put(join(folder, "yaml"), "run.yaml", run);
  const written = Object.entries(tables).map(([name, text]) =>
    put(join(folder, "table"), name, `${text.join("\n")}\n`),
  );
  return [
    ...weightsIn(folder),
    ...configsIn(folder),
    ...tokenizersIn(folder),
    { kind: "yaml", reader: "settings", file: settings, place: settings, changes: [formats.yaml] },
    ...written.map((file) => ({
      kind: "table",
      reader: "table",
      file,
      place: file,
      changes: file.endsWith(".jsonl") ? [formats.table, formats.lines] : [formats.table],
    })),
    ...shardsIn(folder),
    ...(await picturesIn(folder)),
  ].map((original) => ({
    ...original,
    place: original.place === original.file ? original.file : dirname(original.file),
  }));
}
