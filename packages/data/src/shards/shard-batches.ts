import type { Batch, BatchStream } from "../batch.ts";
import { prefetched } from "../prefetch.ts";
import { createProducer, plansOf, type LentBatch } from "./batch-producer.ts";
import { checkRestore, countSteps, resolveShardOptions, type ShardBatchesOptions } from "./shard-batches-options.ts";

/** Hands out batches one at a time: the memory of the one before goes back when the next is asked for. */
function lending(next: () => Promise<LentBatch>, stop: () => Promise<void>): Pick<BatchStream, "next" | "close"> {
  let lent: LentBatch | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const giveBack = (): void => {
    lent?.release();
    lent = undefined;
  };
  const take = async (): Promise<Batch> => {
    giveBack();
    const made = await next();
    lent = made;
    return made.batch;
  };
  return {
    next() {
      const batch = last.then(take);
      last = batch.catch(() => undefined);
      return batch;
    },
    async close() {
      giveBack();
      await stop();
      await last;
      giveBack();
    },
  };
}

/**
 * Shuffled batches of a set in shards, without end. Order, captions, crops and what takes the place of a sample that
 * cannot be used are functions of (seed, epoch, position) and the set, so that a cursor continues a run exactly, with
 * any number of workers, batches ahead and parts. Pixels are bytes in the workers' memory, lent until the next batch is
 * asked for. `next` rejects with "bad-data" when more than `maxSkipped` samples cannot be used.
 * @throws ClipError "bad-data" for a cursor of other data, "bad-config" for one of another batch size.
 */
export function createShardBatches(options: ShardBatchesOptions): BatchStream {
  const settings = resolveShardOptions(options);
  const { source, batchSize, prefetch, restore } = settings;
  checkRestore(settings);
  const planOf = plansOf(settings);
  const { length } = planOf(0);
  const stepsPerEpoch = countSteps(length, settings);
  const { faults, produce, passed, stop } = createProducer(settings, { planOf, length, stepsPerEpoch });
  const stream = prefetched<LentBatch>({
    stepsPerEpoch,
    prefetch,
    restore,
    produce,
    stop,
    discard: (made) => made.release(),
  });
  const next = (): Promise<LentBatch> => {
    passed(stream.cursor());
    return stream.next();
  };
  return {
    ...lending(next, stream.close),
    stepsPerEpoch,
    skipped: faults.list,
    leftOut: faults.leftOut,
    cursor: () => ({ ...stream.cursor(), data: source.fingerprint, globalBatch: batchSize }),
  };
}
