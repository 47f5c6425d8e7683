// @ts-check
// Preprocessing by transformers.js, as the preprocessor_config.json that clip-ts writes tells it to.
import { readFileSync } from "node:fs";
import { AutoProcessor, env, RawImage } from "@huggingface/transformers";
import { samplePixels } from "../inputs/sample.mjs";
import { serve } from "../measure/serve.mjs";

await serve(async ({ images, folder }) => {
  env.allowRemoteModels = false;
  const processor = await AutoProcessor.from_pretrained(folder, {});
  /** @type {Blob[]} */
  const files = images.map((/** @type {string} */ path) => new Blob([readFileSync(path)]));
  const decoded = await Promise.all(files.map((blob) => RawImage.fromBlob(blob)));
  return {
    facts: { version: `@huggingface/transformers ${env.version}` },
    async run({ part }) {
      const images = part === "pixels" ? decoded : files;
      const results = [];
      for (const image of images) {
        const opened = image instanceof Blob ? await RawImage.fromBlob(image) : image;
        results.push((await processor(opened)).pixel_values);
      }
      return results;
    },
    show: ({ round }, results) =>
      round === 0 ? samplePixels(results.map((/** @type {any} */ tensor) => tensor.data)) : undefined,
  };
});
