// @ts-check
import { join } from "node:path";
import { writeBatches } from "../inputs/batches.mjs";
import { convertModel, drawModel } from "../inputs/model.mjs";

/** Different batches that training goes round. */
const trainingBatches = 4;

/**
 * The model of a run, drawn when it is first asked for.
 * @param {import("./run.mjs").Run} run
 * @returns {Promise<{ folder: string, description: import("@clip-ts/inference").ModelDescription }>}
 */
export function startModel({ once, note, workspace, options }) {
  return once(`model ${options.model}`, async () => {
    note(`drawing the weights of ${options.model}`);
    const folder = join(workspace, `model-${options.model.replaceAll("/", "-")}`);
    return { folder, description: await drawModel(options.model, folder) };
  });
}

/**
 * The same model under the names that another program reads.
 * @param {import("./run.mjs").Run} run
 * @param {"openai" | "onnx"} target
 * @returns {Promise<string>}
 */
export function convertedModel(run, target) {
  return run.once(`${target} ${run.options.model}`, async () => {
    const { folder } = await startModel(run);
    run.note(`converting ${run.options.model} to ${target}`);
    await convertModel(folder, `${folder}-${target}`, target);
    return `${folder}-${target}`;
  });
}

/**
 * Batches of the run's size.
 * @param {import("./run.mjs").Run} run
 * @returns {Promise<{ path: string, tokens: number, meanLength: number }>}
 */
export function batchesFor(run) {
  const { batch: rows, model } = run.options;
  return run.once(`batches ${model} ${rows} ${run.options.tokens}`, async () => {
    const { description } = await startModel(run);
    const tokens = Math.min(run.options.tokens, description.config.text.contextLength);
    const name = `batches-${model.replaceAll("/", "-")}-${rows}-${tokens}.safetensors`;
    const path = join(run.workspace, name);
    const wanted = { batches: trainingBatches, rows, tokens };
    return { path, tokens, ...(await writeBatches(path, description, wanted)) };
  });
}
