// @ts-check
// Pictures that compress and decode about as photographs do, from a seed.
import { randomStream } from "@clip-ts/base";
import sharp from "sharp";

/** @typedef {import("@clip-ts/base").RandomStream} RandomStream */

/**
 * Soft colours: a coarse grid, enlarged.
 * @param {RandomStream} random
 * @param {number} width
 * @param {number} height
 */
function colours(random, width, height) {
  const coarse = { width: 4 + random.integer(8), height: 4 + random.integer(8), channels: /** @type {const} */ (3) };
  const values = Array.from({ length: coarse.width * coarse.height * 3 }, () => random.integer(256));
  return sharp(Buffer.from(values), { raw: coarse }).resize(width, height, { kernel: "cubic", fit: "fill" });
}

/**
 * Things with edges, as an SVG.
 * @param {RandomStream} random
 * @param {number} width
 * @param {number} height
 */
function things(random, width, height) {
  const shapes = Array.from({ length: 12 }, () => {
    const colour = `rgb(${random.integer(256)},${random.integer(256)},${random.integer(256)})`;
    const paint = `fill="${colour}" fill-opacity="${0.4 + 0.6 * random.uniform()}"`;
    const [x, y] = [random.integer(width), random.integer(height)];
    const [across, down] = [4 + random.integer(Math.ceil(width / 4)), 4 + random.integer(Math.ceil(height / 4))];
    return random.integer(2) === 0
      ? `<ellipse cx="${x}" cy="${y}" rx="${across}" ry="${down}" ${paint}/>`
      : `<rect x="${x}" y="${y}" width="${across}" height="${down}" transform="rotate(${random.integer(90)})" ${paint}/>`;
  });
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join("")}</svg>`,
  );
}

/**
 * Adds grain in place: a sum of three bytes, near enough to a normal distribution of deviation `strength`.
 * @param {Uint8Array} pixels
 * @param {RandomStream} random
 * @param {number} strength
 */
function addGrain(pixels, random, strength) {
  let state = random.integer(2 ** 31) | 1;
  for (let index = 0; index < pixels.length; index++) {
    state ^= state << 13; // Marsaglia's xorshift, as fast as grain has to be
    state ^= state >>> 17;
    state ^= state << 5;
    const sum = (state & 255) + ((state >>> 8) & 255) + ((state >>> 16) & 255);
    const value = (pixels[index] ?? 0) + ((sum - 382.5) / 128) * strength;
    pixels[index] = value < 0 ? 0 : value > 255 ? 255 : value;
  }
}

/**
 * A JPEG of soft colours, shapes and grain; the same for the same seed and size.
 * @param {{ width: number, height: number, seed: number }} wanted
 * @returns {Promise<Buffer>}
 */
export async function drawPhoto({ width, height, seed }) {
  const random = randomStream(seed, "photo", width, height);
  const drawn = colours(random, width, height).composite([{ input: things(random, width, height) }]);
  const { data, info } = await drawn.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  addGrain(data, random, 12);
  return sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
    .jpeg({ quality: 91 })
    .toBuffer();
}
