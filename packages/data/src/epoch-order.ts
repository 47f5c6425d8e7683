import { randomStream, shuffled } from "@clip-ts/base";
import { arrangePool, batchesPerPool, countBatches, cut } from "./arrange-pool.ts";
import type { PairRecord, OrderedPair } from "./pair-source.ts";

/** What a batch should hold once: a thing shown, a thing said. */
function labelsOf({ record, caption }: OrderedPair): readonly string[] {
  const said = `caption ${caption}`;
  return record.concept === undefined ? [said] : [said, `concept ${record.concept}`];
}

/** What decides an epoch's batches. */
export interface EpochSettings {
  readonly records: readonly PairRecord[];
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** False: the source's own order, uncut by length. */
  readonly shuffle: boolean;
  /** One of the record's captions, drawn anew each epoch, or always its first. */
  readonly captions: "draw" | "first";
  readonly dropLast: boolean;
  /** Pairs of one concept or of one caption go to different batches where possible. */
  readonly distinct: boolean;
  readonly countTokens: (caption: string) => number;
}

/** A row of a batch of an epoch. */
export interface OrderedPlace {
  readonly batch: number;
  readonly row: number;
}

/** The batches of one epoch. */
export interface EpochOrder {
  readonly epoch: number;
  /** The pairs of a batch. */
  batch(index: number): readonly OrderedPair[];
  /**
   * All other pairs of the epoch, in the order in which they take the place of one whose image cannot be
   * read: those in the same row of the batches after it, round to the batch before it (pairs that fill
   * no whole batch come as the last), then those in the next row of its own batch and so on. A function of
   * the place alone: no two rows of a batch are filled by one pair while the first round lasts, whichever
   * of the batch's images can be read.
   */
  substitutes(place: OrderedPlace): Iterable<OrderedPair>;
}

/** The caption of a record in an epoch: a function of (seed, epoch, key) alone. */
function captionOf(record: PairRecord, { captions, seed, epoch }: EpochSettings): string {
  const { key, captions: all } = record;
  const chosen = captions === "first" || all.length === 1;
  const index = chosen ? 0 : randomStream(seed, "caption", epoch, key).integer(all.length);
  return all[index] ?? "";
}

/**
 * Orders an epoch as a function of (seed, epoch): records are shuffled, the shuffled order is cut
 * into pools of 16 batches, and each pool is sorted by caption length, cut into batches and its
 * batches shuffled. A pool is ordered when its first batch is asked for.
 */
export function orderEpoch(settings: EpochSettings): EpochOrder {
  const { records, batchSize, seed, epoch, shuffle, distinct, countTokens } = settings;
  const order = shuffle ? shuffled(records, randomStream(seed, "order", epoch)) : records;
  const used = Math.min(countBatches(records.length, settings) * batchSize, records.length);
  const poolSize = batchesPerPool * batchSize;
  const withCaption = (record: PairRecord): OrderedPair => ({
    record,
    caption: captionOf(record, settings),
  });

  const pools = new Map<number, readonly (readonly OrderedPair[])[]>();
  const orderPool = (pool: number): readonly (readonly OrderedPair[])[] => {
    const end = Math.min((pool + 1) * poolSize, used);
    const pairs = order.slice(pool * poolSize, end).map(withCaption);
    if (!shuffle) return cut(pairs, batchSize);
    const random = randomStream(seed, "batches", epoch, pool);
    return arrangePool(pairs, {
      batchSize,
      distinct,
      random,
      labelsOf,
      tokensOf: ({ caption }) => countTokens(caption),
    });
  };

  const batch = (index: number): readonly OrderedPair[] => {
    const pool = Math.floor(index / batchesPerPool);
    const batches = pools.get(pool) ?? orderPool(pool);
    pools.set(pool, batches);
    return batches[index % batchesPerPool] ?? [];
  };

  const count = Math.ceil(records.length / batchSize);
  const place = (index: number, row: number): OrderedPair | undefined => {
    if (index * batchSize < used) return batch(index)[row];
    const left = order[index * batchSize + row];
    return left === undefined ? undefined : withCaption(left);
  };

  return {
    epoch,
    batch,
    *substitutes({ batch: home, row }) {
      for (let shift = 0; shift < batchSize; shift++) {
        for (let step = shift === 0 ? 1 : 0; step < count; step++) {
          const pair = place((home + step) % count, (row + shift) % batchSize);
          if (pair !== undefined) yield pair;
        }
      }
    },
  };
}
