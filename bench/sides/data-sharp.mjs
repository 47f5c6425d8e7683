// @ts-check
// What the parts of clip-ts's way are made of, by themselves: sharp from files in memory to a crop's pixels, and
// tar-stream through the same tars.
import { createReadStream } from "node:fs";
import { randomStream } from "@clip-ts/base";
import { clipPreprocess, drawAugmentPart } from "@clip-ts/image";
import { createRangeReader } from "@clip-ts/node";
import sharp from "sharp";
import { extract } from "tar-stream";
import { firstSamples, openTars, placeOf } from "../inputs/read-shards.mjs";
import { inFlight } from "../measure/in-flight.mjs";
import { serve } from "../measure/serve.mjs";

sharp.concurrency(1); // several images at a time are faster than several threads on one
sharp.cache(false);

/**
 * Every entry's bytes, one tar after another, until there are enough samples of three files each.
 * @param {readonly string[]} tars
 * @param {number} files
 */
async function readTars(tars, files) {
  let [bytes, seen] = [0, 0];
  for (const tar of tars) {
    for await (const entry of createReadStream(tar, { highWaterMark: 2 ** 20 }).pipe(extract())) {
      for await (const chunk of entry) bytes += /** @type {Buffer} */ (chunk).length;
      if (++seen >= files) return { bytes };
    }
  }
  return { bytes };
}

await serve(async ({ pattern, count, readCount, size, scale }) => {
  const set = await openTars(pattern);
  const samples = await firstSamples(set, Math.max(count, readCount));
  const reader = createRangeReader();
  const places = samples.map(placeOf);
  const tars = [...new Set(places.map(({ path }) => path))];
  const files = places.slice(0, count).map((place) => reader.read(place));
  const { interpolation } = clipPreprocess(size);
  const areas = await Promise.all(
    files.map(async (bytes, row) => {
      const { width, height } = await sharp(bytes).metadata();
      const part = drawAugmentPart({ width, height }, { size, interpolation, scale }, randomStream(0, "crop", row));
      if (part.area === undefined) throw new Error("expected a crop with an area");
      return part.area;
    }),
  );
  const parts = {
    read: () => readTars(tars, 3 * readCount),
    /** @param {number} threads */
    async decode(threads) {
      await inFlight(files, threads, (bytes) => sharp(bytes).raw().toBuffer());
      return {};
    },
    /** @param {number} threads */
    async crop(threads) {
      await inFlight(files, threads, (bytes, row) => {
        const { left, top, width, height } = areas[row] ?? { left: 0, top: 0, width: size, height: size };
        const area = {
          left: Math.floor(left),
          top: Math.floor(top),
          width: Math.floor(width),
          height: Math.floor(height),
        };
        return sharp(bytes).extract(area).resize(size, size, { kernel: "cubic", fit: "fill" }).raw().toBuffer();
      });
      return {};
    },
  };
  return {
    facts: { version: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}` },
    run: ({ part, threads }) => parts[/** @type {keyof typeof parts} */ (part)](threads),
    show: (_, { bytes }) => ({ bytes }),
  };
});
