import { flattenTree } from "@clip-ts/core";
import type { HostArray, HostArrays } from "@clip-ts/jit";
import type { ClipConfig } from "@clip-ts/model";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { loadModelParams } from "../model-folder.ts";

/** A folder's parameters by path, in the host's memory. */
export async function readHostParams(model: string, config: ClipConfig): Promise<HostArrays> {
  const params = await loadModelParams(model, config);
  const arrays: [string, HostArray][] = [];
  for (const [path, tensor] of Object.entries(flattenTree<Tensor>(params))) {
    arrays.push([path, { data: await tensor.data<"float32">(), shape: tensor.shape }]);
  }
  dispose(params as never);
  return Object.fromEntries(arrays);
}
