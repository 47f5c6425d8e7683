/** Where a broken sample lies. */
export interface BrokenSamplePlace {
  readonly shard: string;
  readonly key: string;
}

/** Why samples are broken: how many, and the first of them. */
export interface BrokenReason {
  readonly reason: string;
  readonly count: number;
  readonly examples: readonly BrokenSamplePlace[];
}

/** Reasons that are told apart; what is seldom goes into one. */
const mostReasons = 40;
const mostExamples = 20;

/** A reason without the sample's name, and with numbers left open, so that it is the same for many. */
const general = (reason: string, key: string): string =>
  reason
    .replaceAll(key, "")
    .replace(/^\s*is not a readable image:\s*/, "")
    .replace(/^[\s:]+/, "")
    .replaceAll(/\d+/g, "N");

/** Counts reasons; memory is bounded. */
export function createReasons(): {
  add(reason: string, place: BrokenSamplePlace): void;
  /** The most frequent first. */
  list(): BrokenReason[];
} {
  const found = new Map<string, { count: number; examples: BrokenSamplePlace[] }>();
  return {
    add(reason, place) {
      const named = general(reason, place.key);
      const known = found.has(named) || found.size < mostReasons ? named : "other reasons";
      const entry = found.get(known) ?? { count: 0, examples: [] };
      entry.count++;
      if (entry.examples.length < mostExamples) entry.examples.push(place);
      found.set(known, entry);
    },
    list: () =>
      Array.from(found, ([reason, entry]) => ({ reason, ...entry })).toSorted((one, other) => other.count - one.count),
  };
}
