import type { PairRecord, PlannedPair } from "./pair-source.ts";
import type { EpochPlan } from "./plan-epoch.ts";

/** Makes a pair's image ready in a row of the batch; undefined when it cannot be read. */
export type PreparePair = (pair: PlannedPair, row: number) => Promise<PlannedPair | undefined>;

async function firstReadable(
  pairs: Iterable<PlannedPair>,
  prepare: (pair: PlannedPair) => ReturnType<PreparePair>,
): Promise<PlannedPair | undefined> {
  for (const pair of pairs) {
    const prepared = await prepare(pair);
    if (prepared !== undefined) return prepared;
  }
  return undefined;
}

/**
 * A whole batch of the plan. The place of an unreadable image is taken by the first readable pair
 * after it in the epoch's order that the batch does not hold yet (by any readable pair when none is
 * left): a function of the plan and the files, not of timing. Undefined when nothing is readable.
 */
export async function fillBatch(
  plan: EpochPlan,
  index: number,
  prepare: PreparePair,
): Promise<PlannedPair[] | undefined> {
  const planned = plan.batch(index);
  const prepared = await Promise.all(planned.map((pair, row) => prepare(pair, row)));
  const taken = new Set(planned.map(({ record }) => record.key));
  const replace = async (record: PairRecord, row: number): Promise<PlannedPair | undefined> => {
    const intoRow = (other: PlannedPair): ReturnType<PreparePair> => prepare(other, row);
    const others = [...plan.following(record)];
    const fresh = others.filter((other) => !taken.has(other.record.key));
    return (await firstReadable(fresh, intoRow)) ?? firstReadable(others, intoRow);
  };

  const filled: PlannedPair[] = [];
  for (const [row, { record }] of planned.entries()) {
    const pair = prepared[row] ?? (await replace(record, row));
    if (pair === undefined) return undefined;
    taken.add(pair.record.key);
    filled.push(pair);
  }
  return filled;
}
