import { randomStream } from "@clip-ts/base";
import { permutationOf } from "./permutation.ts";
import type { ShardPlan } from "./plan-shards.ts";

/** For whom substitutes are sought. */
export interface Vacancy {
  readonly plan: ShardPlan;
  readonly seed: number;
  /** The position whose sample cannot be used. */
  readonly position: number;
  /** Names the batch, or the pool, among all of its epoch. */
  readonly among: readonly (string | number)[];
  /** Its place there, and how many places there are. */
  readonly lane: { readonly index: number; readonly of: number };
  /** Positions that come last of all: those whose samples are in the batch already. */
  isTaken(position: number): boolean;
}

/** All of 0 … `count` - 1: each so-manieth from the lane's own, then those of the lanes after it, round. */
function* placesOf(count: number, { index, of }: Vacancy["lane"]): Generator<number> {
  for (let shift = 0; shift < of; shift++) {
    for (let place = (index + shift) % of; place < count; place += of) yield place;
  }
}

/**
 * The positions of the epoch, in the order in which they take the place of one whose sample cannot be used: those of
 * its own window, which is open, in random order; those of the windows after it, round; then what was taken. A function
 * of the plan alone, so that all parts of a batch find the same one; no two places of a batch get one sample while
 * there are several for each.
 */
export function* substitutesFor(vacancy: Vacancy): Generator<number> {
  const { plan, seed, position, among, lane } = vacancy;
  const home = plan.windowOf(position);
  for (const takes of [false, true]) {
    for (let step = 0; step < plan.windows; step++) {
      const window = (home + step) % plan.windows;
      const { from, to } = plan.boundsOf(window);
      const permute = permutationOf(to - from, randomStream(seed, "substitute", plan.epoch, ...among, window));
      for (const place of placesOf(to - from, lane)) {
        const candidate = from + permute(place);
        if (vacancy.isTaken(candidate) === takes) yield candidate;
      }
    }
  }
}
