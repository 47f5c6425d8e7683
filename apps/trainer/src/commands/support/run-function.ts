import { dtypeOf, toHost, toTensor, type HostArray, type HostArrays } from "@clip-ts/core";
import { trace, type InputSpec, type NamedTensors } from "@clip-ts/jit";
import type { Compiler } from "@clip-ts/node";
import { fromFloat32, type HostTensor } from "@clip-ts/weights";
import { tidy } from "@tensorflow/tfjs-core";

/** A pure function of tensors, by name. */
export type TensorFunction = (inputs: NamedTensors) => NamedTensors;

async function runCompiled(
  run: TensorFunction,
  inputs: HostArrays,
  { target }: Compiler,
): Promise<HostArrays> {
  const specs = Object.entries(inputs).map(([name, array]): [string, InputSpec] => [
    name,
    { shape: array.shape, dtype: dtypeOf(array) },
  ]);
  const compiled = await target(trace(run, Object.fromEntries(specs)));
  try {
    return await compiled.run(inputs);
  } finally {
    await compiled.dispose();
  }
}

async function runEagerly(run: TensorFunction, inputs: HostArrays): Promise<HostArrays> {
  const arrays = Object.entries(inputs);
  const outputs = tidy(() => ({
    ...run(Object.fromEntries(arrays.map(([name, array]) => [name, toTensor(array)]))),
  }));
  const results: Record<string, HostArray> = {};
  for (const [name, output] of Object.entries(outputs)) {
    results[name] = await toHost(output);
    output.dispose();
  }
  return results;
}

/**
 * Runs a function once on arrays and brings its float32 results to host memory: compiled if the engine
 * compiles, operation by operation on tensors if not.
 */
export async function runFunction(
  run: TensorFunction,
  inputs: HostArrays,
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
