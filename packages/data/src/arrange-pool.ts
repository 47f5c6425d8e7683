import { shuffled, type RandomStream } from "@clip-ts/base";

/** So many batches are sorted by length together: enough for even lengths, few enough to stay random. */
export const batchesPerPool = 16;

/** Number of batches an epoch of so many pairs has. */
export function countBatches(
  pairs: number,
  { batchSize, dropLast }: { readonly batchSize: number; readonly dropLast: boolean },
): number {
  return dropLast ? Math.floor(pairs / batchSize) : Math.ceil(pairs / batchSize);
}

/** The items in their order, so many at a time; the last part may be smaller. */
export function cut<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
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

/** What has labels. */
interface Labelled {
  readonly labels: readonly string[];
}

/**
 * Swaps pairs between batches, in place, so that no batch holds a concept or a caption twice where
 * that can be had: two drawings of one thing would count each other's caption as wrong. Partners
 * come from the nearest batches, so batches sorted by length stay nearly sorted.
 */
function separate(batches: Labelled[][]): void {
  const counts = batches.map((batch): Counts => {
    const labels: Counts = new Map();
    for (const pair of batch) count(labels, pair.labels, 1);
    return labels;
  });

  /** Swaps a pair with the first of another batch that fits in its place. */
  const swapInto = (target: number, home: number, row: number): boolean => {
    const [here, there] = [counts[home]!, counts[target]!];
    const pair = batches[home]![row]!;
    const { labels } = pair;
    if (occurs(there, labels, 0)) return false;
    count(here, labels, -1);
    const place = batches[target]!.findIndex((partner) => !occurs(here, partner.labels, 0));
    const partner = batches[target]![place] ?? pair;
    count(here, partner.labels, 1);
    if (partner === pair) return false;
    count(there, partner.labels, -1);
    count(there, labels, 1);
    batches[home]![row] = partner;
    batches[target]![place] = pair;
    return true;
  };

  for (const [home, batch] of batches.entries()) {
    for (let row = 0; row < batch.length; row++) {
      if (!occurs(counts[home]!, batch[row]!.labels, 1)) continue;
      for (const target of outwards(home, batches.length)) {
        if (swapInto(target, home, row)) break;
      }
    }
  }
}

/** How a pool becomes batches. */
export interface PoolSettings<Item> {
  readonly batchSize: number;
  /** Pairs of one label go to different batches where possible. */
  readonly distinct: boolean;
  /** Shuffles the batches. */
  readonly random: RandomStream;
  /** Length of the caption. */
  tokensOf(item: Item): number;
  /** What a batch should hold once: a thing shown, a thing said. */
  labelsOf(item: Item): readonly string[];
}

/** Sorts the pairs of a pool by caption length, cuts them into batches and shuffles these. */
export function arrangePool<Item>(items: readonly Item[], settings: PoolSettings<Item>): Item[][] {
  const { batchSize, distinct, random } = settings;
  const measured = items.map((item) => {
    return { item, tokens: settings.tokensOf(item), labels: distinct ? settings.labelsOf(item) : [] };
  });
  const batches = cut(
    measured.toSorted((one, other) => one.tokens - other.tokens),
    batchSize,
  );
  if (distinct) separate(batches);
  return shuffled(batches, random).map((batch) => batch.map(({ item }) => item));
}
