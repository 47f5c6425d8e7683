import { randomStream, shuffled } from "@clip-ts/base";
import type { PairRecord, OrderedPair } from "./pair-source.ts";

/** What a batch should hold once: a thing shown, a thing said. */
function labelsOf({ record, caption }: OrderedPair): readonly string[] {
  const said = `caption ${caption}`;
  return record.concept === undefined ? [said] : [said, `concept ${record.concept}`];
}

/** How often each label occurs in a batch. */
type Counts = Map<string, number>;

function count(counts: Counts, labels: readonly string[], by: 1 | -1): void {
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + by);
}

/** True when more than `times` items of the batch carry one of the labels. */
function occurs(counts: Counts, labels: readonly string[], times: number): boolean {
  return labels.some((label) => (counts.get(label) ?? 0) > times);
}

/** All of 0 … total - 1 but `from`, the nearest first. */
function* outwards(from: number, total: number): Generator<number> {
  for (let distance = 1; distance < total; distance++) {
    if (from + distance < total) yield from + distance;
    if (from - distance >= 0) yield from - distance;
  }
}

/**
 * Swaps pairs between batches, in place, so that no batch holds a concept or a caption twice where
 * that can be had: two drawings of one thing would count each other's caption as wrong. Partners
 * come from the nearest batches, so batches sorted by length stay nearly sorted.
 */
function separatePairs(batches: OrderedPair[][]): void {
  const counts = batches.map((batch): Counts => {
    const labels: Counts = new Map();
    for (const pair of batch) count(labels, labelsOf(pair), 1);
    return labels;
  });

  /** Swaps a pair with the first of another batch that fits in its place. */
  const swapInto = (target: number, home: number, row: number): boolean => {
    const [here, there] = [counts[home]!, counts[target]!];
    const pair = batches[home]![row]!;
    const labels = labelsOf(pair);
    if (occurs(there, labels, 0)) return false;
    count(here, labels, -1);
    const place = batches[target]!.findIndex((partner) => !occurs(here, labelsOf(partner), 0));
    const partner = batches[target]![place] ?? pair;
    count(here, labelsOf(partner), 1);
    if (partner === pair) return false;
    count(there, labelsOf(partner), -1);
    count(there, labels, 1);
    batches[home]![row] = partner;
    batches[target]![place] = pair;
    return true;
  };

  for (const [home, batch] of batches.entries()) {
    for (let row = 0; row < batch.length; row++) {
      if (!occurs(counts[home]!, labelsOf(batch[row]!), 1)) continue;
      for (const target of outwards(home, batches.length)) {
        if (swapInto(target, home, row)) break;
      }
    }
  }
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

/** So many batches are sorted by length together: enough for even lengths, few enough to stay random. */
const batchesPerPool = 16;

/** Number of batches an epoch of so many records has. */
export function countBatches(
  records: number,
  { batchSize, dropLast }: Pick<EpochSettings, "batchSize" | "dropLast">,
): number {
  return dropLast ? Math.floor(records / batchSize) : Math.ceil(records / batchSize);
}

function cut<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** The caption of a record in an epoch: a function of (seed, epoch, key) alone. */
function captionOf(record: PairRecord, { captions, seed, epoch }: EpochSettings): string {
  const { key, captions: all } = record;
  const chosen = captions === "first" || all.length === 1;
  const index = chosen ? 0 : randomStream(seed, "caption", epoch, key).integer(all.length);
  return all[index] ?? "";
}

function bucketByLength(
  pairs: readonly OrderedPair[],
  pool: number,
  settings: EpochSettings,
): readonly (readonly OrderedPair[])[] {
  const { seed, epoch, batchSize, distinct, countTokens } = settings;
  const measured = pairs.map((pair) => ({ pair, tokens: countTokens(pair.caption) }));
  const sorted = measured.toSorted((one, other) => one.tokens - other.tokens);
  const batches = cut(
    sorted.map(({ pair }) => pair),
    batchSize,
  );
  if (distinct) separatePairs(batches);
  return shuffled(batches, randomStream(seed, "batches", epoch, pool));
}

/**
 * Orders an epoch as a function of (seed, epoch): records are shuffled, the shuffled order is cut
 * into pools of 16 batches, and each pool is sorted by caption length, cut into batches and its
 * batches shuffled. A pool is ordered when its first batch is asked for.
 */
export function orderEpoch(settings: EpochSettings): EpochOrder {
  const { records, batchSize, seed, epoch, shuffle } = settings;
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
    return shuffle ? bucketByLength(pairs, pool, settings) : cut(pairs, batchSize);
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
