import { startEngine } from "@clip-ts/engines";
import { exportSavedModel } from "@clip-ts/node";
import { type Model } from "@clip-ts/inference";
import { note } from "../../cli/output.ts";

/** `convert --to savedmodel`: a SavedModel for TensorFlow Serving. */
export async function convertToSavedModel(model: Model, output: string): Promise<void> {
  await startEngine("cpu"); // only shapes are traced and small constants folded
  const byteLength = await exportSavedModel(model, output);
  note(`wrote saved_model.pb, ${(byteLength / 2 ** 20).toFixed(1)} MiB, to ${output}`);
}
