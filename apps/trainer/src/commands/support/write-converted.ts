import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  modelFiles,
  writeDescription,
  writeOpenClipDescription,
  writeTokenizer,
  type ModelDescription,
} from "@clip-ts/node";
import {
  convertLayout,
  lazyTensors,
  streamSafetensors,
  type Layout,
  type TensorFile,
} from "@clip-ts/weights";
import { note } from "../../cli/output.ts";
import { writeOutput } from "./tensor-files.ts";

/** What a target of `convert` writes. */
interface Target {
  readonly layout: Layout;
  readonly weights: string;
  readonly describe: (folder: string, description: ModelDescription) => Promise<void>;
}

async function describeForOpenClip(folder: string, description: ModelDescription): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeOpenClipDescription(folder, description);
  if (description.tokenizer !== undefined) await writeTokenizer(folder, description.tokenizer);
}

/** Name schemes that `convert` writes. */
export const weightTargets: Readonly<Record<string, Target>> = {
  hf: { layout: "huggingface", weights: modelFiles.weights, describe: writeDescription },
  openai: { layout: "openai", weights: modelFiles.weights, describe: writeDescription },
  open_clip: {
    layout: "openai",
    weights: modelFiles.openClipWeights,
    describe: describeForOpenClip,
  },
};

/** Writes a model's weights under the names of a target, and what describes it beside them. */
export async function writeConverted(
  output: string,
  {
    target,
    description,
    file,
  }: { target: Target; description: ModelDescription; file: TensorFile },
): Promise<void> {
  const renamed = convertLayout(file, target.layout);
  const metadata = { ...file.metadata, format: "pt" }; // transformers asks for it
  const { chunks, byteLength } = streamSafetensors(lazyTensors(renamed), metadata);
  await target.describe(output, description);
  await writeOutput(join(output, target.weights), chunks());
  const size = (byteLength / 2 ** 20).toFixed(1);
  note(`wrote ${renamed.names.length} tensors, ${size} MiB, to ${output}`);
}
