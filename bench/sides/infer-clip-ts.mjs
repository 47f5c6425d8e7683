// @ts-check
// Embedding by clip-ts: the embedder that `openClip` and `clip-ts embed` use, on one engine.
import { closing, loadEmbedder } from "@clip-ts/inference";
import { openModel } from "@clip-ts/node";
import { readArrays } from "../inputs/arrays.mjs";
import { serve } from "../measure/serve.mjs";
import { startSideEngine } from "./start-side-engine.mjs";

await serve(async ({ eager, model, batch, ...engineOptions }) => {
  const engine = await startSideEngine(engineOptions);
  const compiler = eager === true ? undefined : engine.compiler;
  const embedder = await closing(await openModel(model), (opened) => loadEmbedder(opened, compiler));
  const { "pixel_values.0": pixels, "input_ids.0": ids } = await readArrays(batch);
  const [rows = 0, tokens = 0] = ids?.shape ?? [];
  const inputIds = /** @type {Int32Array} */ (ids?.data);
  return {
    facts: { version: engine.detail },
    run: ({ part }) =>
      part === "images"
        ? embedder.images(/** @type {Float32Array} */ (pixels?.data), rows)
        : embedder.texts({ inputIds, batch: rows, tokens }),
    show: ({ round }, features) => (round === 0 ? [...features] : undefined),
  };
});
