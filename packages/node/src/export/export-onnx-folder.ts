import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { HostArrays } from "@clip-ts/core";
import type { Graph } from "@clip-ts/jit";
import { exportOnnx, exportPrecisions, type ExportPrecision } from "@clip-ts/onnx";
import type { ClipConfig, ParseOptions } from "@clip-ts/model";
import { writeFileWhole, writeJson } from "../files.ts";
import { writeDescription } from "../model-folder.ts";
import { clipFunctions, type ClipFunctions } from "./clip-functions.ts";
import { clipGraph } from "./clip-graph.ts";
import { readExported, type ExportedModel } from "./exported-model.ts";
import { transformersConfig, transformersNames } from "./transformers-config.ts";

/** How a model folder is exported as ONNX. */
export interface OnnxFolderOptions extends ParseOptions {
  /** Which files to write; all by default. The first is what the library loads unless told otherwise. */
  readonly precisions?: readonly ExportPrecision[];
  /** The most bytes of weights that a file holds; just below 2 GiB by default. */
  readonly largestFile?: number;
  /** Called after each file. */
  readonly onFile?: (file: WrittenFile) => void;
}

/** A file that was written, and its size. */
export interface WrittenFile {
  /** Its path in the folder. */
  readonly path: string;
  readonly byteLength: number;
}

/** Inputs that Hugging Face's libraries give in 64 bits. */
const wideInputs = ["input_ids", "attention_mask"];

/** Writes one graph in one precision. @returns how many files of weights lie beside it. */
async function writeGraph(
  folder: string,
  { graph, name, precision }: { graph: Graph; name: string; precision: ExportPrecision },
  { largestFile, onFile }: OnnxFolderOptions,
): Promise<[file: string, dataFiles: number]> {
  const file = `${name}${transformersNames[precision].suffix}.onnx`;
  const given = wideInputs.filter((input) => graph.inputs.some((known) => known.name === input));
  const limit = largestFile === undefined ? {} : { largestFile };
  const { model, files } = exportOnnx(graph, { file, precision, wideInputs: given, ...limit });
  for (const { name: dataFile, chunks, byteLength } of files) {
    await writeFileWhole(join(folder, dataFile), chunks);
    onFile?.({ path: `onnx/${dataFile}`, byteLength });
  }
  await writeFileWhole(join(folder, file), [model]);
  onFile?.({ path: `onnx/${file}`, byteLength: model.length });
  return [file, files.length];
}

/** What is written, by the names of the files. */
const functionNames = [
  "model",
  "text_model",
  "vision_model",
] as const satisfies (keyof ClipFunctions)[];

/** Writes every graph in every precision. @returns how many files of weights lie beside each, if any. */
async function writeGraphs(
  folder: string,
  config: ClipConfig,
  params: HostArrays,
  options: OnnxFolderOptions,
): Promise<Record<string, number>> {
  const { precisions = exportPrecisions } = options;
  const functions = clipFunctions(config);
  const dataFiles: Record<string, number> = {};
  for (const name of functionNames) {
    const graph = clipGraph(functions[name], config, params);
    for (const precision of precisions) {
      const [file, count] = await writeGraph(folder, { graph, name, precision }, options);
      if (count > 0) dataFiles[file] = count;
    }
  }
  return dataFiles;
}

/**
 * Writes a model as a folder that @huggingface/transformers loads as it is: `onnx/model.onnx`,
 * `onnx/text_model.onnx` and `onnx/vision_model.onnx`, each in every precision, with config,
 * preprocessing and tokenizer. The graphs bring their own arithmetic, so towers of one's own, given in the
 * options, run there too. A tfjs engine must be running.
 */
export async function exportOnnxFolder(
  model: ExportedModel,
  output: string,
  options: OnnxFolderOptions = {},
): Promise<void> {
  const { description, params } = await readExported(model, options);
  const { config } = description;
  const folder = join(output, "onnx");
  await mkdir(folder, { recursive: true });
  const dataFiles = await writeGraphs(folder, config, params, options);
  await writeDescription(output, description);
  const [precision = "f32"] = options.precisions ?? exportPrecisions;
  await writeJson(
    join(output, "config.json"),
    transformersConfig(config, { precision, dataFiles }),
  );
}
