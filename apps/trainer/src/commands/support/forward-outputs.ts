import { unflattenLike, type ParamTree, type TreeOf } from "@clip-ts/core";
import {
  clipSpec,
  forwardDetails,
  lossGradients,
  type ClipConfig,
  type ClipParams,
  type ForwardDetails,
  type PairBatch,
} from "@clip-ts/model";
import type { Compiler } from "@clip-ts/engines";
import { convertTensors, type HostTensor, type Layout } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { attentionHeads } from "./attention-heads.ts";
import type { BatchArrays } from "./forward-inputs.ts";
import { runFunction, type NamedInputs } from "./run-function.ts";

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

/** What is run and how. */
export interface Pass {
  readonly config: ClipConfig;
  /** Whose names parameters have in the result. */
  readonly layout: Layout;
  /** Whether batch norms use the batch's own statistics. */
  readonly training: boolean;
  /** What compiles passes, if the engine does. */
  readonly compiler?: Compiler | undefined;
}

/** Runs a function of parameters and inputs. Borrows both. */
function runPass<Gives extends ParamTree<Tensor>>(
  params: NamedInputs,
  inputs: BatchArrays,
  { config, compiler }: Pass,
  run: (params: ClipParams, inputs: Partial<PairBatch>) => Gives,
): Promise<TreeOf<Gives, Tensor, HostTensor>> {
  const spec = clipSpec(config);
  return runFunction(
    ({ param, input }) => run(unflattenLike(spec, param) as ClipParams, input),
    { param: params, input: inputs },
    compiler,
  );
}

/** Tensors by path in the model, under the names of the checkpoint's layout. */
async function named(values: HostTensors, { layout, config }: Pass): Promise<HostTensors> {
  // Renaming only moves values, so it takes gradients where it takes parameters.
  const isRenamed = layout !== "huggingface" && Object.keys(values).length > 0;
  return isRenamed ? convertTensors(values, layout, attentionHeads(config)) : values;
}

/**
 * Every output of a pass, by the name it has in files, and a training ResNet's statistics after it.
 * Borrows the parameters.
 */
export async function outputTensors(
  params: NamedInputs,
  inputs: BatchArrays,
  pass: Pass,
): Promise<HostTensors> {
  const { training, config } = pass;
  const results = await runPass(params, inputs, pass, (tree, batch) => {
    const { statistics = {}, ...details } = forwardDetails(tree, batch, config, { training });
    return { output: details, statistic: statistics };
  });
  const outputs: HostTensors = {};
  for (const [key, value] of Object.entries(results.output)) {
    outputs[outputNames[key as OutputKey]] = key === "loss" ? { ...value, shape: [1] } : value;
  }
  return { ...outputs, ...(await named(results.statistic, pass)) };
}

/** The loss's gradient for every parameter, under the names of the checkpoint's layout. */
export async function gradientTensors(
  params: NamedInputs,
  inputs: BatchArrays,
  pass: Pass,
): Promise<HostTensors> {
  const { training, config } = pass;
  const values = await runPass(params, inputs, pass, (tree, batch) => {
    const { output, gradients } = lossGradients(tree, batch as PairBatch, config, { training });
    const { statistics, ...tensors } = output;
    dispose([...Object.values(tensors), ...Object.values(statistics)]);
    return gradients;
  });
  return named(values, pass);
}
