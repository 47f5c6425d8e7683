import {
  dtypeOf,
  mapTree,
  toHost,
  toTensor,
  type HostArray,
  type ParamTree,
  type TreeOf,
} from "@clip-ts/core";
import { compileTree, type InputSpec } from "@clip-ts/jit";
import type { Compiler } from "@clip-ts/engines";
import { fromFloat32, type HostTensor } from "@clip-ts/weights";
import { dispose, Tensor, tidy } from "@tensorflow/tfjs-core";

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

const isInput = (node: Input | InputTree): node is Input =>
  node instanceof Tensor || ArrayBuffer.isView(node["data"]);

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

async function runEagerly(
  run: (inputs: TensorTree) => TensorTree,
  inputs: InputTree,
): Promise<ParamTree<HostArray>> {
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
  const results = await (compiler === undefined
    ? runEagerly(onTrees, inputs)
    : runCompiled(onTrees, inputs, compiler));
  return mapTree<ParamTree<HostArray>, HostArray, HostTensor>(results, ({ data, shape }) =>
    fromFloat32(data as Float32Array, shape),
  ) as TreeOf<Gives, Tensor, HostTensor>;
}

/** Frees those of the inputs that are tensors. */
export function disposeTensors(inputs: NamedInputs): void {
  for (const input of Object.values(inputs)) if (input instanceof Tensor) input.dispose();
}
