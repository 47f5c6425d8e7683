import { ClipError } from "@clip-ts/base";
import {
  dtypeOf,
  flattenTree,
  toHost,
  toTensor,
  unflattenLike,
  type HostArray,
  type HostArrays,
  type ParamSpec,
  type TreeOf,
} from "@clip-ts/core";
import { Tensor } from "@tensorflow/tfjs-core";
import { lazyTensors } from "./byte-source.ts";
import { convertLayout, convertTensors } from "./layouts/convert-layout.ts";
import { isIgnorable, isOptional, layoutOf, type Layout } from "./layouts/layout.ts";
import { unlearntTensors, withUnlearnt } from "./layouts/unlearnt.ts";
import {
  serializeSafetensors,
  streamSafetensors,
  type SafetensorsStream,
  type SerializedSafetensors,
} from "./serialize-safetensors.ts";
import {
  byteLengthOf,
  finder,
  sliceRows,
  type HostTensor,
  type SafetensorsDtype,
  type TensorFile,
  type TensorInfo,
} from "./tensor-file.ts";
import { fromFloat32, fromInt32, toFloat32, type FloatDtype } from "./values.ts";

/** Which part of a file is read. */
export interface LoadOptions {
  /** What the file writes before every path of the tree, such as `vision_model.`; other names are left alone. */
  readonly prefix?: string;
}

type FlatSpec = Readonly<Record<string, ParamSpec>>;

const linesShown = 20;
const floats: ReadonlySet<string> = new Set(["F64", "F32", "F16", "BF16"]);

function mismatch(path: string, spec: ParamSpec, file: TensorFile, name: string): string[] {
  const { dtype, shape } = file.describe(name);
  if (shape.join() !== spec.shape.join()) {
    return [`${path}: expected [${spec.shape.join(", ")}], file has [${shape.join(", ")}]`];
  }
  return floats.has(dtype) ? [] : [`${path}: expected floating-point values, file has ${dtype}`];
}

/** One line per tensor that is missing, unexpected, or of the wrong shape or dtype. */
function findFaults(spec: FlatSpec, file: TensorFile, prefix: string): string[] {
  const inFile = new Set(file.names);
  const wanted = new Set(Object.keys(spec).map((path) => prefix + path));
  const faults = Object.entries(spec).flatMap(([path, leaf]) =>
    inFile.has(prefix + path) ? mismatch(path, leaf, file, prefix + path) : [`${path}: missing from the file`],
  );
  const unexpected = file.names.filter(
    (name) => name.startsWith(prefix) && !wanted.has(name) && !isIgnorable(name) && !isOptional(name),
  );
  return [...faults, ...unexpected.map((name) => `${name}: in the file, but not in the model`)];
}

function assertFits(spec: FlatSpec, file: TensorFile, prefix: string): void {
  const faults = findFaults(spec, file, prefix);
  if (faults.length === 0) return;
  const shown = faults.slice(0, linesShown).map((line) => `\n  ${line}`);
  const rest = faults.length > linesShown ? `\n  … and ${faults.length - linesShown} more` : "";
  throw new ClipError(
    "bad-weights",
    `${file.label} does not fit the model; check that config and weights belong together:${shown.join("")}${rest}`,
    { data: { label: file.label, faults } },
  );
}

/**
 * Holds a file of any layout against a spec tree without reading tensors.
 * @throws ClipError "bad-weights" listing everything that is missing, unexpected or misshapen.
 */
export function checkFit(spec: object, file: TensorFile): void {
  const named = layoutOf(file.names) === undefined ? file : convertLayout(file, "huggingface");
  assertFits(flattenTree<ParamSpec>(spec), named, "");
}

/** The leaves of a spec tree one after the other, once the whole file is known to fit. */
async function* readLeaves(
  spec: object,
  file: TensorFile,
  { prefix = "" }: LoadOptions,
): AsyncGenerator<readonly [path: string, array: HostArray]> {
  const flat = flattenTree<ParamSpec>(spec);
  const named = layoutOf(file.names) === undefined ? file : convertLayout(file, "huggingface");
  assertFits(flat, named, prefix);
  for (const [path, { shape }] of Object.entries(flat)) {
    yield [path, { data: toFloat32(await named.read(prefix + path)), shape }];
  }
}

/**
 * The float32 values of a spec tree by path, from a file of any layout that is known; half precision is
 * widened, and F32 shares the memory of what the file gives. No engine has to run. Everything missing,
 * unexpected or misshapen is listed in one `bad-weights` error before anything is read.
 */
export async function loadHostArrays(spec: object, file: TensorFile, options: LoadOptions = {}): Promise<HostArrays> {
  const loaded: Record<string, HostArray> = {};
  for await (const [path, array] of readLeaves(spec, file, options)) loaded[path] = array;
  return loaded;
}

/**
 * The same values as a tree of tensors of the running engine. One tensor at a time is in memory twice. The
 * caller owns the tensors; on failure none are left behind.
 */
export async function loadParams<Tree extends object>(
  spec: Tree,
  file: TensorFile,
  options: LoadOptions = {},
): Promise<TreeOf<Tree, ParamSpec, Tensor>> {
  const loaded: Record<string, Tensor> = {};
  try {
    for await (const [path, array] of readLeaves(spec, file, options)) {
      loaded[path] = toTensor(array);
    }
  } catch (error) {
    for (const leaf of Object.values(loaded)) leaf.dispose();
    throw error;
  }
  return unflattenLike<Tree, ParamSpec, Tensor>(spec, loaded);
}

/** How `saveParams` stores a tree. */
export interface SaveOptions {
  /** What floats are stored as; integers stay I32, bytes U8, truth values BOOL. Default F32. */
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
  if (type === "uint8") return "U8";
  return type === "bool" ? "BOOL" : dtype;
}

/** An array as it is stored; integers and 32-bit floats share its memory. */
async function toStored(leaf: Leaf, dtype: FloatDtype): Promise<HostTensor> {
  const { data, shape } = leaf instanceof Tensor ? await toHost(leaf) : leaf;
  if (data instanceof Float32Array) return fromFloat32(data, shape, dtype);
  if (data instanceof Int32Array) return fromInt32(data, shape);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  return { dtype: data instanceof Uint8ClampedArray ? "U8" : "BOOL", shape, bytes };
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
export async function saveParams(params: object, options: SaveOptions = {}): Promise<SerializedSafetensors> {
  const { dtype = "F32", metadata = pytorchFormat, layout = ownNames } = options;
  const entries: [string, HostTensor][] = [];
  for (const [path, leaf] of Object.entries(flattenTree<Leaf>(params))) {
    entries.push([path, await toStored(leaf, dtype)]);
  }
  const tensors = Object.fromEntries(entries);
  const named = layout === ownNames ? tensors : await convertTensors(tensors, layout);
  const extra = unlearntTensors(Object.keys(named), (name) => named[name] as HostTensor, layout);
  return serializeSafetensors({ ...named, ...extra }, metadata);
}

/**
 * Like `saveParams`, but each leaf is downloaded or narrowed when the file reaches it: lean in memory,
 * and the leaves must live, unchanged, until the last chunk is taken.
 */
export function streamParams(params: object, options: SaveOptions = {}): SafetensorsStream {
  const { dtype = "F32", metadata = pytorchFormat, layout = ownNames } = options;
  const file = paramsFile(params, dtype);
  const named = layout === ownNames ? file : withUnlearnt(convertLayout(file, layout), layout);
  return streamSafetensors(lazyTensors(named), metadata);
}
