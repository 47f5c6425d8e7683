import type { Tensor } from "@tensorflow/tfjs-core";
import { flattenTree } from "@clip-ts/core";
import { byteLengthOf, sliceRows, type HostTensor, type TensorInfo } from "./host-tensor.ts";
import { convertLayout, convertTensors } from "./layouts/convert-layout.ts";
import type { Layout } from "./layouts/layout.ts";
import {
  serializeSafetensors,
  streamSafetensors,
  type SafetensorsStream,
  type SerializedSafetensors,
} from "./serialize-safetensors.ts";
import { finder, type TensorFile } from "./tensor-file.ts";
import { fromFloat32, fromInt32, type FloatDtype } from "./values.ts";
import { lazyTensors } from "./whole-file.ts";

/** How `saveParams` stores a tree. */
export interface SaveOptions {
  /** What floats are stored as; integers stay I32. Default F32. */
  readonly dtype?: FloatDtype;
  /** Free text for the header. Default `{ format: "pt" }`, which Hugging Face's loaders look for. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names to write a model's parameters under. Default `huggingface`: the paths of the tree. */
  readonly layout?: Exclude<Layout, "big_vision">;
}

const pytorchFormat = { format: "pt" };
const ownNames = "huggingface";

async function toHost(leaf: Tensor, dtype: FloatDtype): Promise<HostTensor> {
  if (leaf.dtype === "int32") return fromInt32(await leaf.data<"int32">(), leaf.shape);
  return fromFloat32(await leaf.data<"float32">(), leaf.shape, dtype);
}

/** A tree as a file: each tensor is downloaded when it is read. */
function paramsFile(params: object, dtype: FloatDtype): TensorFile {
  const leaves = new Map(Object.entries(flattenTree<Tensor>(params)));
  const label = "The model";
  const find = finder(leaves, label);
  return {
    label,
    metadata: {},
    names: [...leaves.keys()],
    describe(name) {
      const leaf = find(name);
      const info: TensorInfo = {
        dtype: leaf.dtype === "int32" ? "I32" : dtype,
        shape: leaf.shape,
      };
      return { ...info, byteLength: byteLengthOf(info) };
    },
    async read(name, rows) {
      const tensor = await toHost(find(name), dtype);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}

/**
 * A safetensors file of a tree (or flat tree) of tensors, downloaded now. Borrows the tensors.
 * @throws ClipError "unsupported" for a model that the layout does not hold.
 */
export async function saveParams(
  params: object,
  options: SaveOptions = {},
): Promise<SerializedSafetensors> {
  const { dtype = "F32", metadata = pytorchFormat, layout = ownNames } = options;
  const entries: [string, HostTensor][] = [];
  for (const [path, leaf] of Object.entries(flattenTree<Tensor>(params))) {
    entries.push([path, await toHost(leaf, dtype)]);
  }
  const tensors = Object.fromEntries(entries);
  const named = layout === ownNames ? tensors : await convertTensors(tensors, layout);
  return serializeSafetensors(named, metadata);
}

/**
 * Like `saveParams`, but each tensor is downloaded when the file reaches it: lean in memory, and the
 * tensors must live until the last chunk is taken.
 */
export function streamParams(params: object, options: SaveOptions = {}): SafetensorsStream {
  const { dtype = "F32", metadata = pytorchFormat, layout = ownNames } = options;
  const file = paramsFile(params, dtype);
  const named = layout === ownNames ? file : convertLayout(file, layout);
  return streamSafetensors(lazyTensors(named), metadata);
}
