import { randomStream, shuffled } from "@clip-ts/base";
import { gather, lastStart, startsOf } from "./gather.ts";
import { permutationOf, type Permutation } from "./permutation.ts";

/** How shards are taken. */
export interface OrderSettings {
  readonly seed: number;
  /** False: shards and samples in their own order. */
  readonly shuffle: boolean;
  /** Shards are drawn with replacement: in a round some come twice, others not. */
  readonly resampled: boolean;
  /** Shards of a window at least, and samples at least; all where there are not so many. */
  readonly windowShards: number;
  readonly windowSamples: number;
}

/** A range of a group's endless run of positions. */
export interface GroupRange {
  readonly from: number;
  /** One past the last. */
  readonly to: number;
}

/** A sample of a group: the shard's place in the group, the sample's in the shard, and the round it comes in. */
export interface GroupSample {
  readonly shard: number;
  readonly sample: number;
  readonly round: number;
}

/** The samples of a group, round after round without end: each once a round, unless they are resampled. */
export interface GroupOrder {
  /** Samples of a round. */
  readonly samples: number;
  at(position: number): GroupSample;
  /** A range cut where windows end. */
  cut(range: GroupRange): GroupRange[];
  /** The shards that samples of a range come from, each once. */
  shardsOf(range: GroupRange): number[];
}

/** Shards whose samples are mixed with one another. */
interface GroupWindow {
  readonly shards: readonly number[];
  /** Where each shard's samples begin among the window's. */
  readonly starts: readonly number[];
  readonly permute: Permutation;
}

interface Round {
  readonly windows: readonly GroupWindow[];
  /** Where each window begins. */
  readonly starts: readonly number[];
}

/** Rounds that are remembered: positions are asked for nearly in order. */
const keptRounds = 4;

/** The order of the shards in a round; a shard may come again in resampled ones, until there are enough samples. */
function orderShards(
  filled: readonly number[],
  counts: readonly number[],
  { shuffle, resampled, path, seed }: OrderSettings & { readonly path: readonly (string | number)[] },
): readonly number[] {
  const random = randomStream(seed, "shards", ...path);
  if (!resampled) return shuffle ? shuffled(filled, random) : filled;
  const drawn: number[] = [];
  let missing = filled.reduce((sum, shard) => sum + counts[shard]!, 0);
  while (missing > 0) {
    const shard = filled[random.integer(filled.length)]!;
    drawn.push(shard);
    missing -= counts[shard]!;
  }
  return drawn;
}

/** Remembers the last few results of a function of a number. */
function remember<Result>(make: (key: number) => Result): (key: number) => Result {
  const kept = new Map<number, Result>();
  return (key) => {
    const known = kept.get(key) ?? make(key);
    kept.set(key, known);
    const oldest = kept.keys().next();
    if (kept.size > keptRounds && oldest.done !== true) kept.delete(oldest.value);
    return known;
  };
}

/**
 * The order of a group of shards with so many samples each. A round has its shards in random order, cut into windows
 * in each of which all samples are permuted. A function of (seed, group, position); its memory grows with shards only.
 */
export function orderGroup(counts: readonly number[], group: number, settings: OrderSettings): GroupOrder {
  const { seed, shuffle, windowShards, windowSamples } = settings;
  const filled = [...counts.keys()].filter((shard) => counts[shard]! > 0);
  const samples = filled.reduce((sum, shard) => sum + counts[shard]!, 0);

  const roundOf = remember((round): Round => {
    const order = orderShards(filled, counts, { ...settings, path: [group, round] });
    const least = { items: windowShards, size: windowSamples, sizeOf: (shard: number) => counts[shard]! };
    const lengths: number[] = [];
    const windows = gather(order, least).map((shards, window): GroupWindow => {
      const length = shards.reduce((sum, shard) => sum + counts[shard]!, 0);
      lengths.push(length);
      const random = randomStream(seed, "window", group, round, window);
      const permute = shuffle ? permutationOf(length, random) : (place: number) => place;
      return { shards, starts: startsOf(shards.map((shard) => counts[shard]!)), permute };
    });
    return { windows, starts: startsOf(lengths) };
  });

  const placeOf = (position: number): { round: number; place: number; window: number } => {
    const round = Math.floor(position / samples);
    const place = position % samples;
    return { round, place, window: lastStart(roundOf(round).starts, place) };
  };
  const cut = ({ from, to }: GroupRange): GroupRange[] => {
    const ranges: GroupRange[] = [];
    for (let start = from; start < to;) {
      const { round, window } = placeOf(start);
      const end = round * samples + Math.min(roundOf(round).starts[window + 1] ?? samples, samples);
      ranges.push({ from: start, to: Math.min(end, to) });
      start = end;
    }
    return ranges;
  };

  return {
    samples,
    cut,
    at(position) {
      const { round, place, window } = placeOf(position);
      const { windows, starts } = roundOf(round);
      const { shards, starts: shardStarts, permute } = windows[window]!;
      const inside = permute(place - starts[window]!);
      const shard = lastStart(shardStarts, inside);
      return { shard: shards[shard]!, sample: inside - shardStarts[shard]!, round };
    },
    shardsOf(range) {
      const shards = cut(range).flatMap(({ from }) => {
        const { round, window } = placeOf(from);
        return roundOf(round).windows[window]!.shards;
      });
      return [...new Set(shards)];
    },
  };
}
