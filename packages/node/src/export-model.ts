import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { writeFileWhole, writeJson } from "@clip-ts/files";
import {
  clipFunctions,
  clipGraph,
  closing,
  loadHostParams,
  transformersConfig,
  transformersNames,
  type ClipFunctions,
  type Model,
  type ModelDescription,
  type TransformersSettings,
} from "@clip-ts/inference";
import type { Graph } from "@clip-ts/jit";
import type { ClipConfig, ParseOptions } from "@clip-ts/model";
import { exportOnnx, weightsDtypes, type WeightsDtype } from "@clip-ts/onnx";
import { writeSavedModel } from "@clip-ts/tensorflow";
import { openModel } from "./open-model.ts";
import { writeDescription } from "./write-model.ts";

/** What an export takes: a model by its place, or one that is open, maybe changed on its way. */
export type ExportedModel = string | Model;

/** What describes a model, and its parameters by path. */
interface ReadModel {
  readonly description: ModelDescription;
  readonly params: HostArrays;
}

/** Reads what an export takes into the host's memory; no engine has to run. Leaves a model that is open so. */
async function readExported(model: ExportedModel, options: ParseOptions = {}): Promise<ReadModel> {
  if (typeof model !== "string") return { description: model, params: await loadHostParams(model) };
  return closing(await openModel(model, options), (opened) => readExported(opened));
}

/** How a model folder is exported as ONNX. */
export interface OnnxFolderOptions extends ParseOptions {
  /** Which files to write; all by default. The first is what the library loads unless told otherwise. */
  readonly precisions?: readonly WeightsDtype[];
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
const wideInputs = ["input_ids", "attention_mask", "pixel_attention_mask", "spatial_shapes"];

/** Writes one graph in one precision. @returns how many files of weights lie beside it. */
async function writeGraph(
  folder: string,
  { graph, name, precision }: { graph: Graph; name: string; precision: WeightsDtype },
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
const functionNames = ["model", "text_model", "vision_model"] as const satisfies (keyof ClipFunctions)[];

/** Writes every graph in every precision. @returns how many files of weights lie beside each, if any. */
async function writeGraphs(
  folder: string,
  config: ClipConfig,
  params: HostArrays,
  options: OnnxFolderOptions,
): Promise<Record<string, number>> {
  const { precisions = weightsDtypes } = options;
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

/** The learnt numbers on cosines. */
function scalesIn(params: HostArrays): TransformersSettings["scales"] {
  const [scale, bias] = ["logit_scale", "logit_bias"].map((name) => params[name]?.data[0]);
  return { ...(scale !== undefined && { logit_scale: scale }), ...(bias !== undefined && { logit_bias: bias }) };
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
  const [precision = "f32"] = options.precisions ?? weightsDtypes;
  const scales = scalesIn(params);
  await writeJson(join(output, "config.json"), transformersConfig(config, { precision, dataFiles, scales }));
}

const file = "saved_model.pb";

/** The same graph with its one output under another name. */
const named = (graph: Graph, name: string): Graph => ({
  ...graph,
  outputs: graph.outputs.map(({ value }) => ({ name, value })),
});

/** Protobuf's messages end here, and a SavedModel's graph is one. */
const largestGraph = 2 ** 31 - 2 ** 24;

/**
 * Writes a model as a SavedModel for TensorFlow and TensorFlow Serving, parameters included, with any batch
 * and text length: `serving_default` takes `input_ids` (int32) and `pixel_values` and gives the logits of
 * every image with every text and both sides' unit features; `encode_image` and `encode_text` give one
 * side's features at their own length. Config, preprocessing and tokenizer lie beside it. Towers of one's
 * own, which a model only names, are among the options. A tfjs engine must be running.
 * @returns the file's bytes.
 * @throws ClipError "unsupported" if the parameters do not fit into a graph.
 */
export async function exportSavedModel(
  model: ExportedModel,
  output: string,
  options: ParseOptions = {},
): Promise<number> {
  const { description, params } = await readExported(model, options);
  const { config } = description;
  const size = Object.values(params).reduce((total, { data }) => total + data.byteLength, 0);
  if (size > largestGraph) {
    throw new ClipError(
      "unsupported",
      `The parameters take ${(size / 2 ** 30).toFixed(1)} GiB, but a SavedModel's graph holds less than ` +
        "2 GiB. Convert it with --to onnx instead, whose weights may lie in files of their own.",
      { data: { size } },
    );
  }
  const functions = clipFunctions(config);
  const graphOf = (name: keyof ClipFunctions): Graph => clipGraph(functions[name], config, params);
  const { bytes } = writeSavedModel({
    entryPoints: {
      serving_default: { graph: graphOf("model") },
      encode_image: { graph: named(graphOf("vision_model"), "image_embeds") },
      encode_text: { graph: named(graphOf("text_model"), "text_embeds") },
    },
  });
  await mkdir(output, { recursive: true });
  await writeFileWhole(join(output, file), [bytes]);
  await writeDescription(output, description);
  return bytes.length;
}
