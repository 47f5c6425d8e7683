import { availableParallelism } from "node:os";
import { createShardBatches, joinLeftOut, type BatchesOptions, type BatchStream } from "@clip-ts/data";
import { inputBytes, type Preprocessing } from "@clip-ts/image";
import { createDecodePool } from "@clip-ts/node";
import { note } from "../cli/output.ts";
import { countSamples, given, type OpenShards, type RemoteSettings, type ShardSourceOptions } from "./open-shards.ts";

/** How far shards are fetched, decoded and kept. */
export interface LoadingOptions {
  /** Threads that decode; one fewer than cores by default. */
  readonly workers?: number | undefined;
  /** "exact" is Pillow's to the byte; as the pool says by default. */
  readonly decode?: "fast" | "exact" | undefined;
  readonly remote?: RemoteSettings | undefined;
}

/** Threads that decode where nothing else is said. */
const usualWorkers = (): number => Math.max(1, availableParallelism() - 1);

/** What the batches of shards are made by. */
export interface ShardBatchesOptions extends Omit<BatchesOptions, "source" | "captions" | "cacheBytes" | "preprocess"> {
  readonly preprocess: Preprocessing;
  readonly source: OpenShards;
  readonly train: ShardSourceOptions;
  readonly loading?: LoadingOptions | undefined;
}

/** Says what is read, by how many threads, and how much memory their pixels take. */
function announce(source: OpenShards, threads: number, bytes: number): void {
  const shards = source.groups.reduce((sum, group) => sum + group.shards.length, 0);
  const counts = `${countSamples(source).toLocaleString("en")} samples in ${shards.toLocaleString("en")} shards`;
  const decode = threads === 1 ? "1 thread decodes" : `${threads} threads decode`;
  note(`shards  ${counts}; ${decode}, batches ahead take ${Math.ceil(bytes / 2 ** 20)} MiB`);
}

/** Batches of shards, read and decoded in threads. Closing them closes threads and shards. */
export async function openShardBatches(options: ShardBatchesOptions): Promise<BatchStream> {
  const { source, train, loading = {}, augment, view, preprocess, tokenizer, seed, prefetch = 2, ...rest } = options;
  const { captions, resampled = false } = train;
  const { workers: threads = usualWorkers(), decode: mode } = loading;
  const slots = prefetch + 2; // one is in use, one is asked for
  announce(source, threads, slots * Math.ceil(rest.batchSize / (rest.part?.of ?? 1)) * inputBytes(preprocess));
  const made = { preprocess, tokenizer, seed, threads, slots, ...given({ augment, view, mode, captions }) };
  const workers = await createDecodePool(made);
  const { mean, std } = preprocess;
  const stream = createShardBatches({ ...rest, source, workers, tokenizer, seed, prefetch, resampled, mean, std });
  return {
    ...stream,
    leftOut: () => joinLeftOut([stream.leftOut(), source.leftOut()]),
    async close() {
      await stream.close();
      await workers.close();
      await source.close();
    },
  };
}
