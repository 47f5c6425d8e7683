import { exportPrecisions, type ExportPrecision } from "@clip-ts/jit";
import { exportOnnxFolder, startEngine, type OpenedModel } from "@clip-ts/node";
import { note } from "../../cli/output.ts";
import { UsageError } from "../../cli/usage-error.ts";

const isPrecision = (name: string): name is ExportPrecision =>
  (exportPrecisions as readonly string[]).includes(name);

/** The precisions that `--dtype` names, such as "f32,int8"; all of them without it. */
export function parsePrecisions(given: string | undefined): readonly ExportPrecision[] {
  if (given === undefined) return exportPrecisions;
  const names = given.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !isPrecision(name));
  if (unknown === undefined) return [...new Set(names.filter(isPrecision))];
  throw new UsageError(`--dtype ${unknown}: expected some of ${exportPrecisions.join(", ")}.`);
}

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
