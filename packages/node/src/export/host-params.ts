import { flattenTree } from "@clip-ts/core";
import type { HostArray, HostArrays } from "@clip-ts/jit";
import { clipSpec } from "@clip-ts/model";
import { loadParams } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import type { OpenedModel } from "./exported-model.ts";

/** A model's parameters by path, in the host's memory. */
export async function readHostParams({ description, file }: OpenedModel): Promise<HostArrays> {
  const params = await loadParams(clipSpec(description.config), file);
  const arrays: [string, HostArray][] = [];
  for (const [path, tensor] of Object.entries(flattenTree<Tensor>(params))) {
    arrays.push([path, { data: await tensor.data<"float32">(), shape: tensor.shape }]);
  }
  dispose(params as never);
  return Object.fromEntries(arrays);
}
