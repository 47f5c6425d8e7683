import { exportSavedModel, startEngine, type OpenedModel } from "@clip-ts/node";
import { note } from "../../cli/output.ts";

/** `convert --to savedmodel`: a SavedModel for TensorFlow Serving. */
export async function convertToSavedModel(opened: OpenedModel, output: string): Promise<void> {
  await startEngine("cpu"); // only shapes are traced and small constants folded
  const byteLength = await exportSavedModel(opened, output);
  note(`wrote saved_model.pb, ${(byteLength / 2 ** 20).toFixed(1)} MiB, to ${output}`);
}
