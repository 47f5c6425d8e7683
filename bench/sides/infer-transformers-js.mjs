// @ts-check
// Embedding by transformers.js: the model that clip-ts exported, run by its own classes.
import { CLIPTextModelWithProjection, CLIPVisionModelWithProjection, env, Tensor } from "@huggingface/transformers";
import { readArrays } from "../inputs/arrays.mjs";
import { serve } from "../measure/serve.mjs";

/**
 * Rows scaled to length 1, as the other sides return them.
 * @param {Float32Array} values
 * @param {number} width
 */
function unitRows(values, width) {
  return Float32Array.from(values, (value, index) => {
    const start = index - (index % width);
    return value / Math.hypot(...values.subarray(start, start + width));
  });
}

await serve(async ({ exported, batch, threads }) => {
  env.allowRemoteModels = false;
  const settings = /** @type {const} */ ({
    dtype: "fp32",
    device: "cpu",
    session_options: { intraOpNumThreads: threads, logSeverityLevel: 3 },
  });
  const vision = await CLIPVisionModelWithProjection.from_pretrained(exported, settings);
  const text = await CLIPTextModelWithProjection.from_pretrained(exported, settings);
  const { "pixel_values.0": pixels, "input_ids.0": ids } = await readArrays(batch);
  const pixelValues = new Tensor("float32", pixels?.data, [...(pixels?.shape ?? [])]);
  const inputIds = new Tensor("int64", BigInt64Array.from(ids?.data ?? [], BigInt), [...(ids?.shape ?? [])]);
  return {
    facts: { version: `@huggingface/transformers ${env.version}` },
    run: ({ part }) => (part === "images" ? vision({ pixel_values: pixelValues }) : text({ input_ids: inputIds })),
    show({ part, round }, outputs) {
      if (round > 0) return undefined;
      const embeds = part === "images" ? outputs.image_embeds : outputs.text_embeds;
      return [...unitRows(embeds.data, embeds.dims.at(-1))];
    },
  };
});
