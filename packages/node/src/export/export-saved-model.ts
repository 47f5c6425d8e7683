import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { writeSavedModel } from "@clip-ts/jit";
import { writeFileWhole } from "../files.ts";
import { describeModel, writeDescription } from "../model-folder.ts";
import { clipFunctions } from "./clip-functions.ts";
import { clipGraph } from "./clip-graph.ts";
import { readHostParams } from "./host-params.ts";

const file = "saved_model.pb";

/** Protobuf's messages end here, and a SavedModel's graph is one. */
const largestGraph = 2 ** 31 - 2 ** 24;

/**
 * Writes a model as a SavedModel for TensorFlow and TensorFlow Serving, parameters included, with any batch
 * and text length: `serving_default` takes `input_ids` (int32) and `pixel_values` and gives the logits of
 * every image with every text and both sides' unit features; `encode_image` and `encode_text` give one
 * side's features at their own length. Config, preprocessing and tokenizer lie beside it. A tfjs engine
 * must be running.
 * @returns the file's bytes.
 * @throws ClipError "unsupported" if the parameters do not fit into a graph.
 */
export async function exportSavedModel(model: string, output: string): Promise<number> {
  const description = await describeModel(model);
  const { config } = description;
  const params = await readHostParams(model, config);
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
  const { bytes } = writeSavedModel({
    steps: {
      serving_default: { graph: clipGraph(functions.model, config, params) },
      encode_image: { graph: clipGraph(functions.vision_model, config, params) },
      encode_text: { graph: clipGraph(functions.text_model, config, params) },
    },
  });
  await mkdir(output, { recursive: true });
  await writeFileWhole(join(output, file), [bytes]);
  await writeDescription(output, description);
  return bytes.length;
}
