import type { PlannedPair } from "./pair-source.ts";

/** What a batch should hold once: a thing shown, a thing said. */
function labelsOf({ record, caption }: PlannedPair): readonly string[] {
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
export function separatePairs(batches: PlannedPair[][]): void {
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
