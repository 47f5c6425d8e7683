import type { ExportPrecision } from "@clip-ts/onnx";
import { startEngine } from "@clip-ts/engines";
import { exportOnnxFolder } from "@clip-ts/node";
import { type Model } from "@clip-ts/inference";
import { note } from "../../cli/output.ts";

/** `convert --to onnx`: a folder that @huggingface/transformers loads. */
export async function convertToOnnx(
  model: Model,
  output: string,
  precisions: readonly ExportPrecision[],
): Promise<void> {
  await startEngine("cpu"); // only shapes are traced and small constants folded
  await exportOnnxFolder(model, output, {
    precisions,
    onFile: ({ path, byteLength }) =>
      note(`wrote ${path}, ${(byteLength / 2 ** 20).toFixed(1)} MiB`),
  });
}
