import { ClipError, shown } from "@clip-ts/base";
import type { ByteSource } from "./byte-source.ts";
import { openNpz } from "./numpy/npz.ts";
import { longestHeader, openSafetensors } from "./open-safetensors.ts";
import { openPytorch } from "./pytorch/open-pytorch.ts";
import { noSuchTensor, type TensorFile } from "./tensor-file.ts";
import { readDirectory } from "./zip/directory.ts";

/** A format of tensors, or of what is fetched in their place, that is not read here. */
interface ForeignFormat {
  /** First bytes, as text of one character a byte. As the length of a safetensors header they are absurd. */
  readonly start: RegExp;
  readonly is: string;
  /** What to do. */
  readonly remedy: string;
}

/** One line of Python that writes a state dict of PyTorch's as safetensors. */
const rewrite = (label: string): string =>
  `python -c "import torch; from safetensors.torch import save_file; weights = torch.load('${label}', ` +
  `map_location='cpu'); save_file({name: t.contiguous().clone() for name, t in weights.items()}, 'model.safetensors')"`;

const toSafetensors = "Save its weights as safetensors with the library that wrote it.";

const formats: readonly ForeignFormat[] = [
  {
    start: /^\x80\x02\x8a\x0a/u, // the protocol, and the length of the magic number 0x1950a86a20f9469cfc6c
    is: "in PyTorch's format from before version 1.6",
    remedy: "Write it anew:",
  },
  {
    start: /^\x80[\x02-\x05][\s\S]{6}/u,
    is: "a bare Python pickle, which could run any program when it is opened",
    remedy: "If you trust it and it holds a state dict, write it anew:",
  },
  { start: /^\x89HDF\r\n/u, is: "an HDF5 file (Keras)", remedy: toSafetensors },
  {
    start: /^GGUF/u,
    is: "a GGUF file (llama.cpp)",
    remedy: "Use the original model's safetensors.",
  },
  {
    start: /^\x93NUMPY/u,
    is: "a single array of NumPy's (.npy)",
    remedy: "Save all arrays by name as .npz or safetensors.",
  },
  {
    start: /^version https:/u,
    is: "a pointer of Git LFS, not the file that it stands for",
    remedy: "Fetch that with git lfs pull, or give the model as hf:owner/name.",
  },
  {
    start: /^\s*<(!doctype|html)/iu,
    is: "a web page",
    remedy: "Fetch the file from its download address, or give the model as hf:owner/name.",
  },
];

const needRewriting = /^\x80/u;

/** Files of other libraries whose first bytes tell nothing, by their names. */
const byName: readonly (readonly [RegExp, string])[] = [
  [/\.(ckpt|index|data-\d+-of-\d+)$/u, "a checkpoint of TensorFlow's"],
  [/\.(pb|tflite)$/u, "a graph of TensorFlow's"],
  [/\.msgpack$/u, "a msgpack file (Flax)"],
  [/\.onnx$/u, "an ONNX graph"],
];

/** How many first bytes tell the formats apart. */
const signLength = 16;

/**
 * What a file that is no safetensors is, and what to do: two sentences about `label`, from its first bytes
 * and its name; undefined if nothing tells.
 */
function foreignFormat(start: Uint8Array, label: string): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, signLength));
  const known = formats.find((format) => format.start.test(text));
  if (known !== undefined) {
    const line = needRewriting.test(text) ? ` ${rewrite(label)}` : "";
    return `${label} is ${known.is}. ${known.remedy}${line}`;
  }
  const named = byName.find(([name]) => name.test(label));
  return named === undefined ? undefined : `${label} looks like ${named[1]}. ${toSafetensors}`;
}

function badIndex(message: string, data: Record<string, unknown>, cause?: unknown): ClipError {
  return new ClipError("bad-weights", `Sharded weights: ${message}`, { data, cause });
}

/** Tensor name -> shard file, from `model.safetensors.index.json`. */
function parseIndex(index: unknown): Map<string, string> {
  const entries = (index as { weight_map?: unknown } | null | undefined)?.weight_map;
  if (typeof entries !== "object" || entries === null || Array.isArray(entries)) {
    throw badIndex("the index must be an object with a weight_map of tensor names to files.", {});
  }
  const shardOf = new Map<string, string>(Object.entries(entries));
  for (const [name, file] of shardOf) {
    if (typeof file !== "string" || !/^[^/\\]+$/.test(file) || file.startsWith("..")) {
      const found = shown(file);
      throw badIndex(`tensor ${shown(name)}: expected a file name beside the index, found ${found}.`, {
        name,
        file,
      });
    }
  }
  return shardOf;
}

async function openShard(file: string, open: (file: string) => Promise<ByteSource>): Promise<TensorFile> {
  let source: ByteSource;
  try {
    source = await open(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw badIndex(`the index names ${file}, which cannot be opened: ${reason}`, { file }, cause);
  }
  return openWeights(source, file);
}

/**
 * Opens weights split over several files. `index` is the parsed `model.safetensors.index.json` (or PyTorch's); `open`
 * gets a bare file name from it. The index decides: every tensor it lists must be in its shard, and
 * what it does not list is not seen.
 */
export async function openSharded(index: unknown, open: (file: string) => Promise<ByteSource>): Promise<TensorFile> {
  const shardOf = parseIndex(index);
  const shards = new Map<string, TensorFile>();
  for (const file of new Set(shardOf.values())) shards.set(file, await openShard(file, open));
  const find = (name: string): TensorFile => {
    const shard = shards.get(shardOf.get(name) ?? "");
    if (shard === undefined) throw noSuchTensor("Sharded weights", name);
    return shard;
  };
  const stored = new Map([...shards].map(([file, shard]) => [file, new Set(shard.names)]));
  for (const [name, file] of shardOf) {
    if (stored.get(file)?.has(name) !== true) throw noSuchTensor(file, name);
  }
  return {
    label: "sharded weights",
    metadata: Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata)),
    names: [...shardOf.keys()],
    describe: (name) => find(name).describe(name),
    read: (name, rows) => find(name).read(name, rows),
  };
}

/** First bytes of an archive; as the length of a safetensors header, they are absurd. */
const zipStart: readonly number[] = [0x50, 0x4b, 0x03, 0x04];

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

/** Whether a file can begin with this length of a safetensors header. */
function isHeaderLength(start: Uint8Array): boolean {
  if (start.byteLength < 8) return false;
  const claimed = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  return claimed <= BigInt(longestHeader);
}

/**
 * Opens a file of tensors of any format that clip-ts reads: safetensors, PyTorch's ZIP archives, NumPy's
 * npz. The format is told from the content, not from the name.
 * @throws ClipError "bad-weights", which names formats that are not read where they can be told.
 */
export async function openWeights(source: ByteSource, label: string): Promise<TensorFile> {
  const start = await source.read(0, Math.min(signLength, source.size));
  if (startsWith(start, zipStart)) {
    const names = [...(await readDirectory(source, label)).keys()];
    const isNumpy = names.length > 0 && names.every((name) => name.endsWith(".npy"));
    return isNumpy ? openNpz(source, label) : openPytorch(source, label);
  }
  const foreign = isHeaderLength(start) ? undefined : foreignFormat(start, label);
  if (foreign === undefined) return openSafetensors(source, label);
  throw new ClipError("bad-weights", foreign, { data: { label } });
}
