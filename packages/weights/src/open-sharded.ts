import { ClipError, shown } from "@clip-ts/base";
import type { ByteSource } from "./byte-source.ts";
import { openWeights } from "./open-weights.ts";
import { noSuchTensor, type TensorFile } from "./tensor-file.ts";

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
      throw badIndex(
        `tensor ${shown(name)}: expected a file name beside the index, found ${found}.`,
        {
          name,
          file,
        },
      );
    }
  }
  return shardOf;
}

async function openShard(
  file: string,
  open: (file: string) => Promise<ByteSource>,
): Promise<TensorFile> {
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
export async function openSharded(
  index: unknown,
  open: (file: string) => Promise<ByteSource>,
): Promise<TensorFile> {
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
