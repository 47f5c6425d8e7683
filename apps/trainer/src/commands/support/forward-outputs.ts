import {
  forwardDetails,
  lossGradients,
  type ClipConfig,
  type ClipParams,
  type ForwardDetails,
  type PairBatch,
} from "@clip-ts/model";
import { withWeights } from "@clip-ts/node";
import { convertTensors, detectLayout, type HostTensor, type Layout } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { download } from "./tensor-files.ts";

type HostTensors = Record<string, HostTensor>;

type OutputKey = Exclude<keyof ForwardDetails, "statistics">;

/** What the outputs are called in files: Hugging Face's names. */
const outputNames: Readonly<Record<OutputKey, string>> = {
  imageFeatures: "image_embeds",
  textFeatures: "text_embeds",
  logitsPerImage: "logits_per_image",
  loss: "loss",
  imageLastHidden: "image_last_hidden",
  textLastHidden: "text_last_hidden",
};

/** Whose names a model's weights have. */
export function layoutOfModel(model: string): Promise<Layout> {
  return withWeights(model, (file) => Promise.resolve(detectLayout(file.names)));
}

/** What is run and how. */
export interface Pass {
  readonly config: ClipConfig;
  /** Whose names parameters have in the result. */
  readonly layout: Layout;
  /** Whether batch norms use the batch's own statistics. */
  readonly training: boolean;
}

/** Tensors by path in the model, under the names of the checkpoint's layout. */
async function named(
  tensors: Readonly<Record<string, Tensor>>,
  { layout }: Pass,
): Promise<HostTensors> {
  const values: HostTensors = {};
  for (const [path, leaf] of Object.entries(tensors)) values[path] = await download(leaf);
  // Renaming only moves values, so it takes gradients where it takes parameters.
  const isRenamed = layout === "openai" && Object.keys(values).length > 0;
  return isRenamed ? convertTensors(values, "openai") : values;
}

/**
 * Every output of a pass, by the name it has in files, and a training ResNet's statistics after it.
 * Borrows parameters and inputs.
 */
export async function outputTensors(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  pass: Pass,
): Promise<HostTensors> {
  const { statistics = {}, ...details } = forwardDetails(params, inputs, pass.config, pass);
  const outputs: HostTensors = {};
  for (const [key, name] of Object.entries(outputNames)) {
    const output = details[key as OutputKey];
    if (output === undefined) continue;
    outputs[name] = await download(output, key === "loss" ? [1] : output.shape);
  }
  return { ...outputs, ...(await named(statistics, pass)) };
}

/** The loss's gradient for every parameter, under the names of the checkpoint's layout. */
export function gradientTensors(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  pass: Pass,
): Promise<HostTensors> {
  const { output, gradients } = lossGradients(params, inputs as PairBatch, pass.config, pass);
  const { statistics, ...tensors } = output;
  dispose([...Object.values(tensors), ...Object.values(statistics)]);
  return named(gradients, pass);
}
