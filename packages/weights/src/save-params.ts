import type { Tensor } from "@tensorflow/tfjs-core";
import { flattenTree } from "@clip-ts/core";
import type { HostTensor } from "./host-tensor.ts";
import {
  serializeSafetensors,
  streamSafetensors,
  type LazyTensor,
  type SafetensorsStream,
  type SerializedSafetensors,
} from "./serialize-safetensors.ts";
import { fromFloat32, fromInt32, type FloatDtype } from "./values.ts";

/** How `saveParams` stores a tree. */
export interface SaveOptions {
  /** What floats are stored as; integers stay I32. Default F32. */
  readonly dtype?: FloatDtype;
  /** Free text for the header. Default `{ format: "pt" }`, which Hugging Face's loaders look for. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const pytorchFormat = { format: "pt" };

async function toHost(leaf: Tensor, dtype: FloatDtype): Promise<HostTensor> {
  if (leaf.dtype === "int32") return fromInt32(await leaf.data<"int32">(), leaf.shape);
  return fromFloat32(await leaf.data<"float32">(), leaf.shape, dtype);
}

/** A safetensors file of a tree (or flat tree) of tensors, downloaded now. Borrows the tensors. */
export async function saveParams(
  params: object,
  options: SaveOptions = {},
): Promise<SerializedSafetensors> {
  const { dtype = "F32", metadata = pytorchFormat } = options;
  const entries: [string, HostTensor][] = [];
  for (const [path, leaf] of Object.entries(flattenTree<Tensor>(params))) {
    entries.push([path, await toHost(leaf, dtype)]);
  }
  return serializeSafetensors(Object.fromEntries(entries), metadata);
}

/**
 * Like `saveParams`, but each tensor is downloaded when the file reaches it: lean in memory, and the
 * tensors must live until the last chunk is taken.
 */
export function streamParams(params: object, options: SaveOptions = {}): SafetensorsStream {
  const { dtype = "F32", metadata = pytorchFormat } = options;
  const entries = Object.entries(flattenTree<Tensor>(params)).map(
    ([path, leaf]): [string, LazyTensor] => {
      const stored = leaf.dtype === "int32" ? "I32" : dtype;
      return [path, { dtype: stored, shape: leaf.shape, load: () => toHost(leaf, dtype) }];
    },
  );
  return streamSafetensors(Object.fromEntries(entries), metadata);
}
