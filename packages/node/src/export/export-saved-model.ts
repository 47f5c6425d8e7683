import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { Graph } from "@clip-ts/jit";
import type { ParseOptions } from "@clip-ts/model";
import { writeSavedModel } from "@clip-ts/tensorflow";
import { writeFileWhole } from "../files.ts";
import { writeDescription } from "../model-folder.ts";
import { clipFunctions, type ClipFunctions } from "./clip-functions.ts";
import { clipGraph } from "./clip-graph.ts";
import { readExported, type ExportedModel } from "./exported-model.ts";

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
    steps: {
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
