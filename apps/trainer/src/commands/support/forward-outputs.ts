import { flattenTree, valueAndGradient } from "@clip-ts/core";
import {
  forward,
  forwardDetails,
  type ClipConfig,
  type ClipParams,
  type ForwardDetails,
  type PairBatch,
} from "@clip-ts/model";
import { withWeights } from "@clip-ts/node";
import { convertTensors, detectLayout, type HostTensor, type Layout } from "@clip-ts/weights";
import type { Tensor } from "@tensorflow/tfjs-core";
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

/** Every output of a pass, by the name it has in files. Borrows parameters and inputs. */
export async function outputTensors(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  config: ClipConfig,
): Promise<HostTensors> {
  const details = forwardDetails(params, inputs, config);
  const outputs: HostTensors = {};
  for (const [key, name] of Object.entries(outputNames)) {
    const output = details[key as OutputKey];
    if (output === undefined) continue;
    outputs[name] = await download(output, key === "loss" ? [1] : output.shape);
  }
  return outputs;
}

/** The loss's gradient for every parameter, under the names of the checkpoint's layout. */
export async function gradientTensors(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  { config, layout }: { readonly config: ClipConfig; readonly layout: Layout },
): Promise<HostTensors> {
  const objective = (tree: ClipParams) => ({
    loss: forward(tree, inputs as PairBatch, config).loss,
  });
  const { value, gradient } = valueAndGradient(objective, params);
  value.dispose();
  const gradients: HostTensors = {};
  for (const [path, leaf] of Object.entries(flattenTree<Tensor>(gradient))) {
    gradients[path] = await download(leaf);
  }
  // Renaming only moves values, so it takes gradients where it takes parameters.
  return layout === "openai" ? convertTensors(gradients, "openai") : gradients;
}
