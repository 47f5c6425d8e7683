import type { ClipError } from "@clip-ts/base";
import type { SkippedImage } from "../batch.ts";
import { createTally, type LeftOut, type LeftOutKind } from "../left-out.ts";
import { skipLimit, tooManySkipped, type MaxSkipped } from "../skipped-images.ts";
import type { ShardPlace } from "./plan-shards.ts";
import { numberSet, type SampleIds } from "./sample-ids.ts";
import type { Shard, ShardSet } from "./shard-set.ts";

/** A sample that cannot be used. */
export interface FaultySample {
  /** Its number in the set. */
  readonly id: number;
  readonly key: string;
  readonly reason: string;
}

/** Remembers what of a set cannot be used: each sample once, in a bit; the first names in words. */
export interface SampleFaults {
  /** The first 1,000. */
  readonly list: readonly SkippedImage[];
  /** Whether this sample was noted, by itself. */
  has(id: number): boolean;
  add(kind: LeftOutKind, sample: FaultySample): void;
  /** A shard that cannot be opened: listed once, and all of its samples count. */
  addShard(place: ShardPlace, reason: string): void;
  /** Throws the refusal once more cannot be used than may be left out, or nothing can be used. */
  check(): void;
  /** The error for a set of which nothing can be used, or too little. */
  refusal(): ClipError;
  leftOut(): LeftOut[];
}

/** Options of noteFaults. */
export interface SampleFaultsOptions {
  readonly source: ShardSet;
  readonly ids: SampleIds;
  readonly maxSkipped?: MaxSkipped | undefined;
  readonly onSkip?: ((skipped: SkippedImage) => void) | undefined;
}

/** So many are kept by name: a list of millions would be garbage. */
const mostNames = 1000;

/** Why a shard's samples cannot be used when it cannot be opened. */
export function lostShard({ samples }: Shard, reason: string): string {
  return `its shard cannot be opened, which has ${samples} samples: ${reason}`;
}

/** A list that is empty yet. @throws ClipError "bad-argument" if `maxSkipped` is no limit. */
export function noteFaults({ source, ids, maxSkipped, onSkip }: SampleFaultsOptions): SampleFaults {
  const limit = skipLimit(ids.total, maxSkipped);
  const samples = numberSet();
  const shards = new Set<number>();
  const list: SkippedImage[] = [];
  const tally = createTally();
  let total = 0;

  const note = (kind: LeftOutKind, skipped: SkippedImage, count: number): void => {
    total += count;
    tally.add(kind, skipped.key, skipped.reason, count);
    if (list.length < mostNames) list.push(skipped);
    onSkip?.(skipped);
  };
  const refusal = (): ClipError => {
    const skipped = list.map(({ key, reason }) => ({ name: key, reason }));
    const what = "samples cannot be used";
    return tooManySkipped({ label: source.label, what, total: ids.total, skipped, count: total, limit });
  };

  return {
    list,
    has: (id) => samples.has(id),
    add(kind, { id, key, reason }) {
      if (samples.add(id)) note(kind, { key, reason }, 1);
    },
    addShard(place, reason) {
      const first = ids.firstOf(place);
      const shard = source.groups[place.group]!.shards[place.shard]!;
      if (shards.has(first)) return;
      shards.add(first);
      let known = 0;
      for (let id = first; id < first + shard.samples; id++) if (samples.has(id)) known++;
      note("unreadable-image", { key: shard.name, reason: lostShard(shard, reason) }, shard.samples - known);
    },
    check() {
      if (total > limit || total >= ids.total) throw refusal();
    },
    refusal,
    leftOut: tally.list,
  };
}
