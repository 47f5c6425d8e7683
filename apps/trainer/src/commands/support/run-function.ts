import { dtypeOf, toHost, toTensor, type HostArray, type HostArrays } from "@clip-ts/core";
import { trace, type InputSpec, type NamedTensors } from "@clip-ts/jit";
import type { Compiler } from "@clip-ts/node";
import { fromFloat32, type HostTensor } from "@clip-ts/weights";
import { Tensor, tidy } from "@tensorflow/tfjs-core";

/**
 * What a function is given, by name: what an engine reads leaf by leaf is there as tensors alone, where one
 * compiles as arrays.
 */
export type NamedInputs = Readonly<Record<string, Tensor | HostArray>>;

/** A pure function of tensors, by name. */
export type TensorFunction = (inputs: NamedTensors) => NamedTensors;

async function runCompiled(
  run: TensorFunction,
  inputs: NamedInputs,
  { target }: Compiler,
): Promise<HostArrays> {
  const arrays: Record<string, HostArray> = {};
  for (const [name, input] of Object.entries(inputs)) {
    arrays[name] = input instanceof Tensor ? await toHost(input) : input;
  }
  const specs = Object.entries(arrays).map(([name, array]): [string, InputSpec] => [
    name,
    { shape: array.shape, dtype: dtypeOf(array) },
  ]);
  const compiled = await target(trace(run, Object.fromEntries(specs)));
  try {
    return await compiled.run(arrays);
  } finally {
    await compiled.dispose();
  }
}

async function runEagerly(run: TensorFunction, inputs: NamedInputs): Promise<HostArrays> {
  const onEngine = (input: Tensor | HostArray): Tensor =>
    input instanceof Tensor ? input : toTensor(input);
  const given = Object.entries(inputs);
  const outputs = tidy(() => ({
    ...run(Object.fromEntries(given.map(([name, input]) => [name, onEngine(input)]))),
  }));
  const results: Record<string, HostArray> = {};
  for (const [name, output] of Object.entries(outputs)) {
    results[name] = await toHost(output);
    output.dispose();
  }
  return results;
}

/**
 * Runs a function once and brings its float32 results to host memory: compiled if the engine compiles,
 * operation by operation if not. Borrows the inputs.
 */
export async function runFunction(
  run: TensorFunction,
  inputs: NamedInputs,
  compiler: Compiler | undefined,
): Promise<Record<string, HostTensor>> {
  const results =
    compiler === undefined
      ? await runEagerly(run, inputs)
      : await runCompiled(run, inputs, compiler);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, shape }]) => [
      name,
      fromFloat32(data as Float32Array, shape),
    ]),
  );
}

/** Frees those of the inputs that are tensors. */
export function disposeTensors(inputs: NamedInputs): void {
  for (const input of Object.values(inputs)) if (input instanceof Tensor) input.dispose();
}
