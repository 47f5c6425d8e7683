import { batchesPerPool } from "../arrange-pool.ts";
import type { Batch, Cursor } from "../batch.ts";
import { rowsOfPart } from "../batch-part.ts";
import { closedError } from "../prefetch.ts";
import { byteBatch, patchBatch } from "./byte-batch.ts";
import { fillSlot } from "./fill-slot.ts";
import { padIds, widthOf, type IdPadding } from "./pad-ids.ts";
import { planShards, type ShardPlan } from "./plan-shards.ts";
import { queuePools } from "./pool-queue.ts";
import { noteFaults, type SampleFaults } from "./sample-faults.ts";
import { numberSamples } from "./sample-ids.ts";
import { bytesPerImage, type PixelSlot, type SampleWorkers } from "./sample-workers.ts";
import { groupsOf, type ShardBatchesSettings } from "./shard-batches-options.ts";
import type { ReadSample } from "./read-samples.ts";
import { openPool } from "./shard-pools.ts";
import { openShards } from "./window.ts";

/** A batch and the memory of its pixels. */
export interface LentBatch {
  readonly batch: Batch;
  /** Gives the memory back; the batch's bytes are then another one's. */
  release(): void;
}

/** Plans of the epochs in use. */
export function plansOf(settings: ShardBatchesSettings): (epoch: number) => ShardPlan {
  const { seed, shuffle, resampled, windowShards, windowSamples } = settings;
  const groups = groupsOf(settings.source);
  const plans = new Map<number, ShardPlan>();
  return (epoch) => {
    const plan =
      plans.get(epoch) ?? planShards({ groups, seed, epoch, shuffle, resampled, windowShards, windowSamples });
    plans.set(epoch, plan);
    for (const other of plans.keys()) if (Math.abs(other - epoch) > 1) plans.delete(other);
    return plan;
  };
}

/** Slots in the order of the batches: the first to ask is the first to get one, or a later batch might hold the last. */
function slotsInTurn(workers: SampleWorkers): (rows: number) => Promise<PixelSlot> {
  let last: Promise<unknown> = Promise.resolve();
  return (rows) => {
    const slot = last.then(() => workers.acquire(rows));
    last = slot.catch(() => undefined);
    return slot;
  };
}

/** A tokenizer that fills the context pads every batch to full width. */
function paddingOf({ tokenizer, bucketMultiple }: ShardBatchesSettings): IdPadding {
  const { contextLength, padId } = tokenizer;
  const fillsContext = tokenizer.encodeBatch([""], { multiple: 1 }).tokens === contextLength;
  return { bucketMultiple: fillsContext ? contextLength : bucketMultiple, contextLength, padId };
}

/** What a batch is put together from. */
interface BatchParts {
  readonly samples: readonly ReadSample[];
  readonly position: Cursor;
  readonly slot: PixelSlot;
  /** Tokens of a row. */
  readonly width: number;
}

/** The batch of samples whose pixels are in a slot, which goes back when it is released. */
function assemble(parts: BatchParts, settings: ShardBatchesSettings): LentBatch {
  const { samples, position, slot, width } = parts;
  const { workers, tokenizer, mean, std } = settings;
  const { size, patches } = workers;
  const data = slot.pixels.subarray(0, samples.length * bytesPerImage(workers));
  let isLent = true;
  const made = patches === undefined ? byteBatch : patchBatch(patches);
  const batch = made(
    {
      pixels: { data, mean, std },
      inputIds: padIds(
        samples.map(({ ids }) => ids),
        width,
        tokenizer.padId,
      ),
      batch: samples.length,
      tokens: width,
      imageSize: size,
      keys: samples.map(({ key }) => key),
      captions: samples.map(({ caption }) => caption),
      epoch: position.epoch,
      index: position.batch,
    },
    () => isLent,
  );
  const release = (): void => {
    if (isLent) workers.release(slot);
    isLent = false;
  };
  return { batch, release };
}

/** What makes batches, in order. */
export interface BatchProducer {
  readonly faults: SampleFaults;
  produce(position: Cursor): Promise<LentBatch>;
  /** Frees what the batches before a position needed. */
  passed(position: Cursor): void;
  /** Lets no further work begin and closes the shards. */
  stop(): Promise<void>;
}

/** The epochs of a stream, all of one length. */
export interface Epochs {
  planOf(epoch: number): ShardPlan;
  /** Positions that each plan has. */
  readonly length: number;
  /** Batches of each. */
  readonly stepsPerEpoch: number;
}

/** What makes the batches of a set. */
export function createProducer(settings: ShardBatchesSettings, epochs: Epochs): BatchProducer {
  const { source, workers, batchSize, seed, shuffle, distinct, part } = settings;
  const { planOf, length, stepsPerEpoch } = epochs;
  const ids = numberSamples(source);
  const faults = noteFaults({ ...settings, ids });
  const shards = openShards(source);
  const reading = { source, ids, faults, shards, workers };
  const padding = paddingOf(settings);
  const used = Math.min(stepsPerEpoch * batchSize, length);
  const pools = queuePools(stepsPerEpoch, (epoch, pool) =>
    openPool(epoch, pool, { reading, planOf, batchSize, seed, shuffle, distinct, used }),
  );
  const acquire = slotsInTurn(workers);
  let isStopped = false;

  return {
    faults,
    passed: pools.passed,
    async produce(position) {
      const { epoch, batch } = position;
      const asked = acquire(Math.ceil(batchSize / part.of)); // the most rows that a part has
      asked.catch(() => undefined); // told below
      const pool = pools.of(position);
      try {
        const planned = (await pool.batches)[batch % batchesPerPool]!;
        const lengths = planned.map((sample) => sample.ids.length);
        const width = widthOf(lengths, padding);
        const slot = await asked;
        if (isStopped) throw closedError();
        const { hold } = pool;
        const rows = rowsOfPart(planned.length, part);
        const filling = { reading, plan: planOf(epoch), seed, distinct, planned, batch, rows, width, slot, hold };
        return assemble({ samples: await fillSlot(filling), position, slot, width }, settings);
      } catch (error) {
        asked.then((slot) => workers.release(slot)).catch(() => undefined);
        throw error;
      }
    },
    async stop() {
      isStopped = true;
      pools.close();
      await shards.close();
    },
  };
}
