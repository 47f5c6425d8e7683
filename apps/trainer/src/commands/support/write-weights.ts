import { join } from "node:path";
import { modelFiles } from "@clip-ts/base";
import { lazyTensors, streamNpz, streamSafetensors, type TensorFile } from "@clip-ts/weights";
import { note } from "../../cli/output.ts";
import { writeOutput } from "./tensor-files.ts";

/** Writes tensors into a folder as they are named, and says so; `part` tells what of a model they are. */
export async function writeWeights(
  output: string,
  name: string,
  file: TensorFile,
  part?: string,
): Promise<void> {
  const tensors = lazyTensors(file);
  const metadata = { ...file.metadata, format: "pt" }; // transformers asks for it
  const isNumpy = name === modelFiles.numpyWeights;
  const { chunks, byteLength } = isNumpy
    ? streamNpz(tensors)
    : streamSafetensors(tensors, metadata);
  await writeOutput(join(output, name), chunks());
  const size = (byteLength / 2 ** 20).toFixed(1);
  const which = part === undefined ? "" : ` (${part})`;
  note(`wrote ${file.names.length} tensors${which}, ${size} MiB, to ${output}`);
}
