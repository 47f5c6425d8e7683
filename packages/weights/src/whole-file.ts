import type { HostTensor } from "./host-tensor.ts";
import type { TensorFile } from "./tensor-file.ts";
import type { LazyTensor } from "./serialize-safetensors.ts";

/** Every tensor of a file, unread: `streamSafetensors(lazyTensors(file))` copies the file. */
export function lazyTensors(file: TensorFile): Record<string, LazyTensor> {
  const lazy = file.names.map((name): [string, LazyTensor] => {
    const { dtype, shape } = file.describe(name);
    return [name, { dtype, shape, load: () => file.read(name) }];
  });
  return Object.fromEntries(lazy);
}

/** Every tensor of a file, in memory. */
export async function readAll(file: TensorFile): Promise<Record<string, HostTensor>> {
  const tensors: [string, HostTensor][] = [];
  for (const name of file.names) tensors.push([name, await file.read(name)]);
  return Object.fromEntries(tensors);
}
