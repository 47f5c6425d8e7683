import { trace, type HostArray, type NamedTensors } from "@clip-ts/jit";
import type { Compiler } from "@clip-ts/node";
import { fromFloat32, type HostTensor } from "@clip-ts/weights";
import { tidy, type Tensor } from "@tensorflow/tfjs-core";
import { download } from "./tensor-files.ts";

/** A pure function of tensors, by name. */
export type TensorFunction = (inputs: NamedTensors) => NamedTensors;

async function toHost(tensor: Tensor): Promise<HostArray> {
  return { data: await tensor.data<"float32" | "int32" | "bool">(), shape: tensor.shape };
}

async function runCompiled(
  run: TensorFunction,
  inputs: NamedTensors,
  { target }: Compiler,
): Promise<Record<string, HostTensor>> {
  const arrays: Record<string, HostArray> = {};
  for (const [name, tensor] of Object.entries(inputs)) arrays[name] = await toHost(tensor);
  const specs = Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]);
  const compiled = await target(trace(run, Object.fromEntries(specs) as never));
  try {
    const results = await compiled.run(arrays);
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, shape }]) => [
        name,
        fromFloat32(data as Float32Array, shape),
      ]),
    );
  } finally {
    await compiled.dispose();
  }
}

/**
 * Runs a function once and brings its float32 results to host memory: compiled if the engine compiles,
 * operation by operation if not. Borrows the inputs.
 */
export async function runFunction(
  run: TensorFunction,
  inputs: NamedTensors,
  compiler: Compiler | undefined,
): Promise<Record<string, HostTensor>> {
  if (compiler !== undefined) return runCompiled(run, inputs, compiler);
  const results: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(tidy(() => ({ ...run(inputs) })))) {
    results[name] = await download(tensor);
  }
  return results;
}
