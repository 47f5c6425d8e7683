import { randomStream } from "@clip-ts/base";
import { arrangePool, batchesPerPool, cut } from "../arrange-pool.ts";
import type { ShardPlace, ShardPlan } from "./plan-shards.ts";
import { readSamples, type ReadSample, type SampleReading } from "./read-samples.ts";
import { substitutesFor } from "./substitutes.ts";

/** How an epoch becomes pools, and pools batches. */
export interface PoolsOptions {
  readonly reading: SampleReading;
  planOf(epoch: number): ShardPlan;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly distinct: boolean;
  /** Positions of an epoch that batches are made of; the first ones. */
  readonly used: number;
}

/** Batches that are sorted by length together. */
export interface ShardPool {
  readonly batches: Promise<readonly (readonly ReadSample[])[]>;
  /** Holds other shards for as long as the pool's own, or until what it returns is called. */
  hold(places: readonly ShardPlace[]): () => void;
  release(): void;
}

const pairLabels = ({ caption, id }: ReadSample): readonly string[] => [`caption ${caption}`, `sample ${id}`];

/** The shards that positions draw from, window by window, and those of the window after them. */
function shardsFor(plan: ShardPlan, [first, last]: readonly [number, number], after: () => ShardPlan): ShardPlace[] {
  const places: ShardPlace[] = [];
  const end = plan.windowOf(last);
  for (let window = plan.windowOf(first); window <= end; window++) places.push(...plan.shardsOf(window));
  return [...places, ...(end + 1 < plan.windows ? plan.shardsOf(end + 1) : after().shardsOf(0))];
}

/** A pool in which places are to be filled. */
interface Filling {
  readonly plan: ShardPlan;
  readonly seed: number;
  readonly pool: number;
  /** First position, and one past the last. */
  readonly bounds: readonly [number, number];
  /** The number of a position's sample. */
  idOf(position: number): number;
}

/** Finds candidates for places of a pool, one after another, so that one sample fills one place where it can. */
function seekers(
  missing: readonly number[],
  { plan, seed, pool, bounds, idOf }: Filling,
): (() => number | undefined)[] {
  const [start, end] = bounds;
  const taken = new Set<number>();
  for (let position = start; missing.length > 0 && position < end; position++) taken.add(idOf(position));
  const isTaken = (candidate: number): boolean => taken.has(idOf(candidate));
  return missing.map((place) => {
    const lane = { index: place, of: end - start };
    const candidates = substitutesFor({ plan, seed, position: start + place, among: ["pool", pool], lane, isTaken });
    return () => {
      const next = candidates.next();
      if (next.done === true) return undefined;
      taken.add(idOf(next.value));
      return next.value;
    };
  });
}

/**
 * A pool of an epoch: the captions of its positions are read, the places of samples that cannot be had or have no
 * caption are filled, then it is arranged as pools of listed pairs are.
 */
export function openPool(epoch: number, pool: number, options: PoolsOptions): ShardPool {
  const { reading, planOf, batchSize, seed, used } = options;
  const { faults, ids, shards } = reading;
  const plan = planOf(epoch);
  const start = pool * batchesPerPool * batchSize;
  const end = Math.min(start + batchesPerPool * batchSize, used);
  const releases = [shards.hold(shardsFor(plan, [start, end - 1], () => planOf(epoch + 1)))];
  const hold = (places: readonly ShardPlace[]): (() => void) => {
    const release = shards.hold(places);
    releases.push(release);
    return release;
  };
  const idOf = (position: number): number => ids.idOf(plan.at(position));

  const fill = async (read: readonly (ReadSample | undefined)[]): Promise<ReadSample[]> => {
    const places: (ReadSample | undefined)[] = [...read];
    const missing = [...places.keys()].filter((place) => places[place] === undefined);
    const seeking = seekers(missing, { plan, seed, pool, bounds: [start, end], idOf });
    let open = missing.map((place, index) => ({ place, seek: seeking[index]! }));
    while (open.length > 0) {
      faults.check();
      const candidates = open.map(({ seek }) => {
        const candidate = seek();
        if (candidate === undefined) throw faults.refusal();
        return candidate;
      });
      const release = hold(candidates.map((position) => plan.at(position)));
      const found = await readSamples(candidates, plan, reading);
      if (found.every((one) => one === undefined)) release();
      for (const [index, { place }] of open.entries()) {
        const one = found[index];
        places[place] = one === undefined ? undefined : { ...one, position: start + place };
      }
      open = open.filter(({ place }) => places[place] === undefined);
    }
    return places as ReadSample[];
  };

  const arrange = (samples: readonly ReadSample[]): readonly (readonly ReadSample[])[] => {
    if (!options.shuffle) return cut(samples, batchSize);
    const random = randomStream(seed, "batches", epoch, pool);
    const tokensOf = (sample: ReadSample): number => sample.ids.length;
    return arrangePool(samples, { batchSize, distinct: options.distinct, random, labelsOf: pairLabels, tokensOf });
  };
  const make = async (): Promise<readonly (readonly ReadSample[])[]> => {
    const positions = Array.from({ length: end - start }, (_, place) => start + place);
    const samples = await fill(await readSamples(positions, plan, reading));
    faults.check();
    return arrange(samples);
  };

  return {
    batches: make(),
    hold,
    release() {
      for (const release of releases.splice(0)) release();
    },
  };
}
