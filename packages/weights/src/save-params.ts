import { Tensor } from "@tensorflow/tfjs-core";
import { dtypeOf, flattenTree, toHost, type HostArray } from "@clip-ts/core";
import {
  byteLengthOf,
  finder,
  sliceRows,
  type HostTensor,
  type SafetensorsDtype,
  type TensorFile,
  type TensorInfo,
} from "./tensor-file.ts";
import { convertLayout, convertTensors } from "./layouts/convert-layout.ts";
import type { Layout } from "./layouts/layout.ts";
import {
  serializeSafetensors,
  streamSafetensors,
  type SafetensorsStream,
  type SerializedSafetensors,
} from "./serialize-safetensors.ts";
import { fromFloat32, fromInt32, type FloatDtype } from "./values.ts";
import { lazyTensors } from "./byte-source.ts";

/** How `saveParams` stores a tree. */
export interface SaveOptions {
  /** What floats are stored as; integers stay I32, truth values BOOL. Default F32. */
  readonly dtype?: FloatDtype;
  /** Free text for the header. Default `{ format: "pt" }`, which Hugging Face's loaders look for. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names to write a model's parameters under. Default `huggingface`: the paths of the tree. */
  readonly layout?: Exclude<Layout, "big_vision">;
}

const pytorchFormat = { format: "pt" };
const ownNames = "huggingface";

/** What is saved. */
type Leaf = Tensor | HostArray;

/** What an array's values are stored as. */
function storedDtype(leaf: Leaf, dtype: FloatDtype): SafetensorsDtype {
  const type = leaf instanceof Tensor ? leaf.dtype : dtypeOf(leaf);
  if (type === "int32") return "I32";
  return type === "bool" ? "BOOL" : dtype;
}

/** An array as it is stored; integers and 32-bit floats share its memory. */
async function toStored(leaf: Leaf, dtype: FloatDtype): Promise<HostTensor> {
  const { data, shape } = leaf instanceof Tensor ? await toHost(leaf) : leaf;
  if (data instanceof Float32Array) return fromFloat32(data, shape, dtype);
  if (data instanceof Int32Array) return fromInt32(data, shape);
  return { dtype: "BOOL", shape, bytes: data };
}

/** A tree as a file: each tensor is downloaded when it is read. */
function paramsFile(params: object, dtype: FloatDtype): TensorFile {
  const leaves = new Map(Object.entries(flattenTree<Leaf>(params)));
  const label = "The model";
  const find = finder(leaves, label);
  return {
    label,
    metadata: {},
    names: [...leaves.keys()],
    describe(name) {
      const leaf = find(name);
      const info: TensorInfo = {
        dtype: storedDtype(leaf, dtype),
        shape: leaf.shape,
      };
      return { ...info, byteLength: byteLengthOf(info) };
    },
    async read(name, rows) {
      const tensor = await toStored(find(name), dtype);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}

/**
 * A safetensors file of a tree (or flat tree) of host arrays, for which no engine has to run, or tensors,
 * which are downloaded now. Borrows them; the file shares the memory of arrays that it stores as they are.
 * @throws ClipError "unsupported" for a model that the layout does not hold.
 */
export async function saveParams(
  params: object,
  options: SaveOptions = {},
): Promise<SerializedSafetensors> {
  const { dtype = "F32", metadata = pytorchFormat, layout = ownNames } = options;
  const entries: [string, HostTensor][] = [];
  for (const [path, leaf] of Object.entries(flattenTree<Leaf>(params))) {
    entries.push([path, await toStored(leaf, dtype)]);
  }
  const tensors = Object.fromEntries(entries);
  const named = layout === ownNames ? tensors : await convertTensors(tensors, layout);
  return serializeSafetensors(named, metadata);
}

/**
 * Like `saveParams`, but each leaf is downloaded or narrowed when the file reaches it: lean in memory,
 * and the leaves must live, unchanged, until the last chunk is taken.
 */
export function streamParams(params: object, options: SaveOptions = {}): SafetensorsStream {
  const { dtype = "F32", metadata = pytorchFormat, layout = ownNames } = options;
  const file = paramsFile(params, dtype);
  const named = layout === ownNames ? file : convertLayout(file, layout);
  return streamSafetensors(lazyTensors(named), metadata);
}
