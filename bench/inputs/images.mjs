// @ts-check
import { join } from "node:path";
import { randomStream } from "@clip-ts/base";
import sharp from "sharp";

const sizes = /** @type {const} */ ([
  [640, 480],
  [480, 640],
  [500, 333],
  [800, 600],
]);

/**
 * Draws JPEG files of the sizes data sets have: smooth colours with edges and some grain, so that they
 * compress about as photographs do.
 * @param {string} folder
 * @param {number} count
 * @returns {Promise<string[]>}
 */
export async function drawImages(folder, count) {
  const random = randomStream(0, "images");
  /** @type {string[]} */
  const paths = [];
  for (let index = 0; index < count; index++) {
    const [width, height] = /** @type {readonly [number, number]} */ (sizes[index % sizes.length]);
    const path = join(folder, `image-${index}.jpg`);
    const coarse = { width: Math.ceil(width / 20), height: Math.ceil(height / 20), channels: 3 };
    const colours = Buffer.from(Array.from({ length: coarse.width * coarse.height * 3 }, () => random.integer(256)));
    const raw = /** @type {import("sharp").CreateRaw} */ (coarse);
    const smooth = await sharp(colours, { raw })
      .resize(width, height, { kernel: "cubic", fit: "fill" })
      .raw()
      .toBuffer();
    const grained = smooth.map((value) => Math.max(0, Math.min(255, value + random.integer(13) - 6)));
    await sharp(grained, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 90 })
      .toFile(path);
    paths.push(path);
  }
  return paths;
}
