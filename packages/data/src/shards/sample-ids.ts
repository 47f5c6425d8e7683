import { startsOf } from "./gather.ts";
import type { ShardPlace } from "./plan-shards.ts";
import type { ShardSet } from "./shard-set.ts";

/** A sample of a set: its shard, and its own place in that. */
type SamplePlace = ShardPlace & { readonly sample: number };

/** Numbers the samples of a set, so that many can be remembered in little memory. */
export interface SampleIds {
  /** Samples of the set. */
  readonly total: number;
  /** The number of a shard's first sample; those of its others follow. */
  firstOf(place: ShardPlace): number;
  idOf(sample: SamplePlace): number;
}

/** The numbers of a set's samples: group by group, shard by shard, from 0. */
export function numberSamples({ groups }: ShardSet): SampleIds {
  const counts = groups.map(({ shards }) => shards.map(({ samples }) => samples));
  const sums = counts.map((group) => group.reduce((sum, samples) => sum + samples, 0));
  const groupStarts = startsOf(sums);
  const shardStarts = counts.map(startsOf);
  const firstOf = ({ group, shard }: ShardPlace): number => groupStarts[group]! + shardStarts[group]![shard]!;
  return {
    total: sums.reduce((sum, samples) => sum + samples, 0),
    firstOf,
    idOf: (place) => firstOf(place) + place.sample,
  };
}

/** Numbers, as bits: 4 KiB for each 32,768 of which one is there. */
export interface NumberSet {
  has(number: number): boolean;
  /** Whether it was not there before. */
  add(number: number): boolean;
}

const bitsPerChunk = 2 ** 15;

/** A set that is empty yet. */
export function numberSet(): NumberSet {
  const chunks = new Map<number, Uint8Array>();
  const has = (number: number): boolean => {
    const bit = number % bitsPerChunk;
    const byte = chunks.get(Math.floor(number / bitsPerChunk))?.[bit >> 3] ?? 0;
    return ((byte >> (bit & 7)) & 1) === 1;
  };
  return {
    has,
    add(number) {
      if (has(number)) return false;
      const bit = number % bitsPerChunk;
      const at = Math.floor(number / bitsPerChunk);
      const chunk = chunks.get(at) ?? new Uint8Array(bitsPerChunk / 8);
      chunk[bit >> 3]! |= 1 << (bit & 7);
      chunks.set(at, chunk);
      return true;
    },
  };
}
