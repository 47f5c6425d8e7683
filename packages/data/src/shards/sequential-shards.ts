import { openInOrder, type OpenInOrder } from "./open-in-order.ts";
import { readRun, type ReadRun, type SampleRun, type SequentialWorkers } from "./sample-run.ts";
import type { Shard } from "./shard-set.ts";
import { checkInteger } from "../batch.ts";

/** What of the samples is read: their pixels, their captions, or both. */
export type SampleParts = "image" | "text" | "both";

/** Options of sequentialShards. */
export interface SequentialShardsOptions {
  /** In the order in which they are read; all of a set are `set.groups.flatMap(({ shards }) => shards)`. */
  readonly shards: readonly Shard[];
  readonly workers: SequentialWorkers;
  /** Samples read at a time. A shard's last batch may have fewer; none holds samples of two shards. */
  readonly batchSize: number;
  /** "image" by default. */
  readonly reads?: SampleParts | undefined;
  /** Batches in the making beyond the one in use; 2 by default. The workers need a slot more than that for each. */
  readonly prefetch?: number | undefined;
}

/** A shard that could not be opened, and why; none of its samples come. */
export interface FailedShard {
  readonly shard: Shard;
  readonly reason: string;
}

/** Some samples of a shard, one after the other, without those that cannot be read. */
export interface SequentialBatch extends ReadRun {
  readonly shard: Shard;
  /** Samples that it stands for, those that were left out among them. */
  readonly samples: number;
  /** Whether the shard's next batch is another shard's. */
  readonly isLast: boolean;
}

function* runsOf(shards: readonly Shard[], batchSize: number): Generator<SampleRun> {
  for (const [place, shard] of shards.entries()) {
    for (let start = 0; start < shard.samples; start += batchSize) {
      const end = Math.min(shard.samples, start + batchSize);
      yield { place, shard, start, end, isLast: end === shard.samples };
    }
  }
}

type Made = { readonly run: SampleRun; readonly read: Promise<ReadRun | { readonly reason: string }> };

/** Keeps so many runs in the making, and hands them out in order. */
async function* madeAhead(runs: Iterator<SampleRun>, count: number, make: (run: SampleRun) => Made["read"]) {
  const pending: Made[] = [];
  const fill = (): void => {
    while (pending.length < count) {
      const { value, done } = runs.next();
      if (done === true) return;
      const read = make(value);
      read.catch(() => undefined); // told when its turn comes
      pending.push({ run: value, read });
    }
  };
  try {
    for (fill(); pending.length > 0; fill()) {
      const { run, read } = pending[0]!;
      const found = await read;
      pending.shift();
      yield { run, found };
    }
  } finally {
    for (const { read } of pending) {
      const left = await read.catch(() => undefined);
      if (left !== undefined && !("reason" in left)) left.release();
    }
  }
}

/**
 * All samples of shards, once each and in their order, read and decoded ahead of their use: for embedding and indexing.
 * What cannot be read is left out and said in `leftOut`; a shard that cannot be opened comes as `FailedShard`, once.
 * The shard after the one that is read is opened meanwhile. Memory is that of the batches in the making. A batch's pixels
 * are valid until the next one is asked for.
 * @throws ClipError "bad-argument" for numbers out of range, and what `workers` reject with once they are closed.
 */
export async function* sequentialShards(
  options: SequentialShardsOptions,
): AsyncGenerator<SequentialBatch | FailedShard, void, undefined> {
  const { workers, batchSize, reads = "image", prefetch = 2 } = options;
  checkInteger("batchSize", batchSize, 1);
  checkInteger("prefetch", prefetch, 0);
  const shards = options.shards.filter(({ samples }) => samples > 0);
  const open: OpenInOrder = openInOrder(shards);
  const make = (run: SampleRun): Made["read"] => readRun(run, { workers, reads, opened: open.at(run.place) });
  let failed = -1;
  try {
    for await (const { run, found } of madeAhead(runsOf(shards, batchSize), 1 + prefetch, make)) {
      const { shard, place, start, end, isLast } = run;
      if ("reason" in found) {
        if (failed !== place) yield { shard, reason: found.reason };
        failed = place;
      } else {
        try {
          yield { shard, samples: end - start, isLast, ...found };
        } finally {
          found.release();
        }
      }
      if (isLast) await open.closeUpTo(place);
    }
  } finally {
    await open.closeUpTo(shards.length);
  }
}
