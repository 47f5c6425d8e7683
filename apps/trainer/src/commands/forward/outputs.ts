import {
  dtypeOf,
  mapTree,
  toHost,
  toTensor,
  unflattenLike,
  type HostArray,
  type ParamTree,
  type TreeOf,
} from "@clip-ts/core";
import type { Compiler } from "@clip-ts/engines";
import { compileTree, type InputSpec } from "@clip-ts/jit";
import {
  clipSpec,
  forwardDetails,
  lossGradients,
  type ClipConfig,
  type ClipParams,
  type ForwardDetails,
  type PairBatch,
} from "@clip-ts/model";
import { convertTensors, fromFloat32, type HostTensor, type Layout } from "@clip-ts/weights";
import { dispose, Tensor, tidy } from "@tensorflow/tfjs-core";
import { attentionHeads } from "../shared/open-model.ts";
import type { BatchArrays } from "./run.ts";

type Input = Tensor | HostArray;

/**
 * What a function is given, in groups by name: what an engine reads leaf by leaf is there as tensors alone,
 * where one compiles as arrays.
 */
export type InputTree = ParamTree<Input>;

/** Leaves of such a group by name. */
export type NamedInputs = Readonly<Record<string, Input>>;

/** Tensors in groups by name. */
type TensorTree = ParamTree<Tensor>;

const isInput = (node: Input | InputTree): node is Input => node instanceof Tensor || ArrayBuffer.isView(node["data"]);

/** Every leaf in the host's memory. Borrows the tensors. */
async function onHost(tree: InputTree): Promise<ParamTree<HostArray>> {
  const entries = Object.entries(tree).map(async ([name, node]) => {
    if (!isInput(node)) return [name, await onHost(node)] as const;
    return [name, node instanceof Tensor ? await toHost(node) : node] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function runCompiled(
  run: (inputs: TensorTree) => TensorTree,
  inputs: InputTree,
  { target }: Compiler,
): Promise<ParamTree<HostArray>> {
  const arrays = await onHost(inputs);
  const given = mapTree<ParamTree<HostArray>, HostArray, InputSpec>(arrays, (array) => ({
    shape: array.shape,
    dtype: dtypeOf(array),
  }));
  const compiled = await compileTree(target, { given, run });
  try {
    return await compiled.run(arrays);
  } finally {
    await compiled.dispose();
  }
}

async function runEagerly(run: (inputs: TensorTree) => TensorTree, inputs: InputTree): Promise<ParamTree<HostArray>> {
  const onEngine = (input: Input): Tensor => (input instanceof Tensor ? input : toTensor(input));
  const outputs = tidy(() => {
    const given = mapTree<InputTree, Input, Tensor>(inputs, onEngine);
    return mapTree<TensorTree, Tensor, Tensor>(run(given), (output) => output);
  });
  const results = await onHost(outputs);
  dispose({ ...outputs });
  return results;
}

/**
 * Runs a function once and brings its float32 results to host memory: compiled if the engine compiles,
 * operation by operation if not. Borrows the inputs.
 */
export async function runFunction<Given extends InputTree, Gives extends TensorTree>(
  run: (inputs: TreeOf<Given, Input, Tensor>) => Gives,
  inputs: Given,
  compiler: Compiler | undefined,
): Promise<TreeOf<Gives, Tensor, HostTensor>> {
  const onTrees = (given: TensorTree): TensorTree => run(given as TreeOf<Given, Input, Tensor>);
  const results = await (compiler === undefined ? runEagerly(onTrees, inputs) : runCompiled(onTrees, inputs, compiler));
  return mapTree<ParamTree<HostArray>, HostArray, HostTensor>(results, ({ data, shape }) =>
    fromFloat32(data as Float32Array, shape),
  ) as TreeOf<Gives, Tensor, HostTensor>;
}

/** Frees those of the inputs that are tensors. */
export function disposeTensors(inputs: NamedInputs): void {
  for (const input of Object.values(inputs)) if (input instanceof Tensor) input.dispose();
}

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
export async function outputTensors(params: NamedInputs, inputs: BatchArrays, pass: Pass): Promise<HostTensors> {
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
export async function gradientTensors(params: NamedInputs, inputs: BatchArrays, pass: Pass): Promise<HostTensors> {
  const { training, config } = pass;
  const values = await runPass(params, inputs, pass, (tree, batch) => {
    const { output, gradients } = lossGradients(tree, batch as PairBatch, config, { training });
    const { statistics, ...tensors } = output;
    dispose([...Object.values(tensors), ...Object.values(statistics)]);
    return gradients;
  });
  return named(values, pass);
}
