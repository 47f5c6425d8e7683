import { reasonOf } from "../file-access.ts";
import type { OpenShard, Sample, Shard, ShardSet } from "./shard-set.ts";

/** A sample's place in its set, shards in their order one behind the other. */
export interface SamplePlace {
  /** From 0 up to the number of samples of the set. */
  readonly position: number;
  readonly shard: Shard;
  /** In its shard. */
  readonly index: number;
}

/** Opens one shard after another, and keeps the last one open until the next is asked for. */
export interface ShardOpener {
  open(shard: Shard): Promise<OpenShard>;
  /** Closes the last one. */
  close(): Promise<void>;
}

/** Which samples are walked through, and how. */
export interface WalkOptions {
  /** Ascending; all by default. */
  readonly positions?: Iterable<number>;
  /** Samples whose work is under way at a time; 8 by default. */
  readonly concurrency?: number;
  /** For walks that follow each other; by default each has its own, which is closed at its end. */
  readonly opener?: ShardOpener;
}

/** Nothing is open yet. */
export function createShardOpener(): ShardOpener {
  let last: { readonly shard: Shard; readonly opened: OpenShard } | undefined;
  const close = async (): Promise<void> => {
    const { opened } = last ?? {};
    last = undefined;
    await opened?.close();
  };
  return {
    close,
    async open(shard) {
      if (last?.shard === shard) return last.opened;
      await close();
      last = { shard, opened: await shard.open() };
      return last.opened;
    },
  };
}

/** So many positions of `total`, as far from each other as they can be; all if there are no more. */
export function* evenPositions(total: number, most: number): Generator<number> {
  const count = Math.min(total, most);
  for (let at = 0; at < count; at++) yield Math.floor((at * total) / count);
}

function* placesOf(shards: readonly Shard[], positions: Iterable<number> | undefined): Generator<SamplePlace> {
  const total = shards.reduce((sum, { samples }) => sum + samples, 0);
  let [at, first] = [0, 0];
  for (const position of positions ?? evenPositions(total, total)) {
    for (let shard = shards[at]; shard !== undefined && position >= first + shard.samples; shard = shards[at]) {
      first += shard.samples;
      at++;
    }
    const shard = shards[at];
    if (shard === undefined) return;
    yield { position, shard, index: position - first };
  }
}

/** A sample that says why it cannot be read. */
function unreadable({ name }: Shard, index: number, reason: string): Sample {
  return { key: `${name}/${index}`, image: { reason }, texts: { texts: {} } };
}

/** Opens a shard; of one that cannot be opened, every sample says why. */
async function openOrSay(shard: Shard, opener: ShardOpener): Promise<OpenShard> {
  return opener.open(shard).catch((error: unknown): OpenShard => {
    const reason = `its shard cannot be opened: ${reasonOf(error)}`;
    return { sample: async (index) => unreadable(shard, index, reason), close: async () => undefined };
  });
}

/** A sample; one that cannot be reached says why. */
function sampleOrSay({ shard, index }: SamplePlace, opened: OpenShard): Promise<Sample> {
  return opened.sample(index).catch((error: unknown) => unreadable(shard, index, reasonOf(error)));
}

/**
 * Does something with each sample of a set, several at a time, and gives the results in the order of the set. One shard
 * is open at a time; samples of one that cannot be opened, or that cannot be reached in it, are unreadable.
 */
export async function* walkSamples<Result>(
  set: ShardSet,
  work: (sample: Sample, place: SamplePlace) => Promise<Result>,
  options: WalkOptions = {},
): AsyncGenerator<Result, void, undefined> {
  const { positions, concurrency = 8, opener = createShardOpener() } = options;
  const shards = set.groups.flatMap((group) => group.shards);
  const underWay: Promise<Result>[] = [];
  /** The oldest results, until so many are left. */
  async function* untilLeft(many: number): AsyncGenerator<Result, void, undefined> {
    while (underWay.length > many) yield await (underWay.shift() as Promise<Result>);
  }
  let current: { readonly shard: Shard; readonly opened: OpenShard } | undefined;
  try {
    for (const place of placesOf(shards, positions)) {
      if (current?.shard !== place.shard) {
        yield* untilLeft(0);
        current = { shard: place.shard, opened: await openOrSay(place.shard, opener) };
      }
      const result = sampleOrSay(place, current.opened).then((sample) => work(sample, place));
      result.catch(() => undefined); // whoever takes it is told
      underWay.push(result);
      yield* untilLeft(concurrency - 1);
    }
    yield* untilLeft(0);
  } finally {
    await Promise.allSettled(underWay);
    if (options.opener === undefined) await opener.close();
  }
}
