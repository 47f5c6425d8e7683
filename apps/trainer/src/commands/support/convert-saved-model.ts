import { exportSavedModel, startEngine } from "@clip-ts/node";
import { note } from "../../cli/output.ts";
import { UsageError } from "../../cli/usage-error.ts";

/** `convert --to savedmodel`: a SavedModel for TensorFlow Serving. */
export async function convertToSavedModel(
  model: string,
  output: string,
  dtype: string | undefined,
): Promise<void> {
  if (dtype !== undefined) throw new UsageError("--dtype goes with --to onnx only.");
  await startEngine("cpu"); // only shapes are traced and small constants folded
  const byteLength = await exportSavedModel(model, output);
  note(`wrote saved_model.pb, ${(byteLength / 2 ** 20).toFixed(1)} MiB, to ${output}`);
}
