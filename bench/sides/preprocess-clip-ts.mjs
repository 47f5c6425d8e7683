// @ts-check
// Preprocessing by clip-ts: from decoded pixels, or from files with decoding.
import { readFileSync } from "node:fs";
import { clipPreprocess, preprocess } from "@clip-ts/image";
import { decodeImage } from "@clip-ts/node";
import sharp from "sharp";
import { samplePixels } from "../inputs/sample.mjs";
import { serve } from "../measure/serve.mjs";

await serve(async ({ images, size }) => {
  const config = clipPreprocess(size);
  /** @type {Buffer[]} */
  const files = images.map((/** @type {string} */ path) => readFileSync(path));
  const decoded = await Promise.all(files.map((bytes) => decodeImage(bytes, "image")));
  return {
    facts: { version: `sharp ${sharp.versions.sharp}` },
    async run({ part }) {
      if (part === "pixels") return decoded.map((pixels) => preprocess(pixels, config));
      /** @type {Float32Array[]} */
      const results = [];
      for (const bytes of files) results.push(preprocess(await decodeImage(bytes, "image"), config));
      return results;
    },
    show: ({ round }, results) => (round === 0 ? samplePixels(results) : undefined),
  };
});
