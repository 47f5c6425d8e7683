import type { ExportPrecision } from "@clip-ts/onnx";
import { exportOnnxFolder, startEngine, type OpenedModel } from "@clip-ts/node";
import { note } from "../../cli/output.ts";

/** `convert --to onnx`: a folder that @huggingface/transformers loads. */
export async function convertToOnnx(
  opened: OpenedModel,
  output: string,
  precisions: readonly ExportPrecision[],
): Promise<void> {
  await startEngine("cpu"); // only shapes are traced and small constants folded
  await exportOnnxFolder(opened, output, {
    precisions,
    onFile: ({ path, byteLength }) =>
      note(`wrote ${path}, ${(byteLength / 2 ** 20).toFixed(1)} MiB`),
  });
}
