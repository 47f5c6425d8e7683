import type { PlannedPair } from "./pair-source.ts";
import type { EpochPlan, PlannedPlace } from "./plan-epoch.ts";

/** Makes a pair's image ready in a row of the batch; undefined when it cannot be read. */
export type PreparePair = (pair: PlannedPair, row: number) => Promise<PlannedPair | undefined>;

/**
 * The pair of one row. The place of an unreadable image is taken by the first of its substitutes that can
 * be read: a function of the plan and the files, not of timing nor of what else is in the batch, so that a
 * batch that is split over processes has the same rows. Undefined when nothing is readable.
 */
export async function fillRow(
  plan: EpochPlan,
  place: PlannedPlace,
  prepare: PreparePair,
): Promise<PlannedPair | undefined> {
  const { batch, row } = place;
  const planned = plan.batch(batch)[row];
  const own = planned === undefined ? undefined : await prepare(planned, row);
  if (own !== undefined) return own;
  for (const substitute of plan.substitutes(place)) {
    const prepared = await prepare(substitute, row);
    if (prepared !== undefined) return prepared;
  }
  return undefined;
}

/** A whole batch of the plan, row by row. Undefined when nothing is readable. */
export async function fillBatch(
  plan: EpochPlan,
  index: number,
  prepare: PreparePair,
): Promise<PlannedPair[] | undefined> {
  const rows = plan.batch(index).map((_, row) => fillRow(plan, { batch: index, row }, prepare));
  const filled = (await Promise.all(rows)).filter((pair) => pair !== undefined);
  return filled.length === rows.length ? filled : undefined;
}
