// Compares what clip-ts makes of image files with what tools/peers/make_image_fixtures.py says of them.
//
//     node bench/check-images.mjs IMAGES.json
//
// Needs `pnpm build`. Prints each file that differs and how many did, and exits with 1 if any.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  clipPreprocess,
  preprocessToPixels,
  resize,
  crop,
  toRgb,
  torchvisionPreprocess,
} from "../packages/image/dist/index.js";
import { decodeImage } from "../packages/node/dist/index.js";

const { images, damaged, size, fits = [] } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const digest = ({ data }) => createHash("sha256").update(data).digest("hex").slice(0, 16);

const ways = {
  shortest: {},
  squash: { resize: "squash" },
  bilinear: { interpolation: "bilinear" },
};

/** The ways of tools/peers/picture_fits.py: the first four digits of each. */
function fitted(pixels) {
  return fits.map(({ order, config }) => {
    const usual = clipPreprocess(size);
    const base = order === "after" ? torchvisionPreprocess(usual) : usual;
    return digest(preprocessToPixels(pixels, { ...base, ...config })).slice(0, 4);
  });
}

function madeOf(pixels, { box: [left, top, width, height] }) {
  const { data, ...rgb } = toRgb(pixels);
  const result = { width: rgb.width, height: rgb.height, rgb: digest({ data }) };
  for (const order of ["before", "after"]) {
    const config = {
      ...torchvisionPreprocess(clipPreprocess(size)),
      convertRgb: `${order}-resize`,
    };
    for (const [way, change] of Object.entries(ways)) {
      result[`${order}.${way}`] = digest(preprocessToPixels(pixels, { ...config, ...change }));
    }
    const source = order === "before" ? toRgb(pixels) : pixels;
    const part = crop(source, { left, top, width, height });
    const plain = part.channels === 4 && part.mode === "keyed" ? toRgb(part) : part;
    const small = resize(plain, { width: size, height: size, interpolation: "bicubic" });
    result[`trained.${order}`] = digest(toRgb(small));
  }
  return result;
}

function expectedOf({ width, height, rgb, before, after, trained }) {
  const result = { width, height, rgb };
  for (const way of Object.keys(ways)) {
    result[`before.${way}`] = before[way];
    result[`after.${way}`] = after[way];
  }
  return { ...result, "trained.before": trained.before, "trained.after": trained.after };
}

async function open(image) {
  try {
    return await decodeImage(Buffer.from(image.file, "base64"), image.name);
  } catch (error) {
    return error.message;
  }
}

let wrong = 0;
const report = (image, ...words) => {
  wrong++;
  console.log(image.name, image.mode ?? "", ...words);
};

for (const image of [...images, ...damaged]) {
  const pixels = await open(image);
  if (typeof pixels === "string") {
    if (image.refused === undefined) report(image, "REFUSED", pixels);
  } else if (image.refused !== undefined) {
    report(image, "ACCEPTED though refused:", image.refused);
  } else if (image.before === undefined) {
    if (digest(toRgb(pixels)) !== image.rgb) report(image, "OTHER PIXELS");
  } else {
    const expected = expectedOf(image);
    const made = madeOf(pixels, image);
    const differing = Object.keys(expected).filter((key) => expected[key] !== made[key]);
    fitted(pixels).forEach((found, at) => {
      const digits = image.fits.slice(4 * at, 4 * at + 4);
      if (digits !== "----" && digits !== found) differing.push(fits[at].name);
    });
    if (differing.length > 0) report(image, `${image.width}x${image.height}`, ...differing);
  }
}
console.log(`${wrong} of ${images.length + damaged.length} files differ`);
process.exitCode = wrong > 0 ? 1 : 0;
