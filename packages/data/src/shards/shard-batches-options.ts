import { ClipError } from "@clip-ts/base";
import type { ChannelStatistics } from "@clip-ts/image";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { countBatches } from "../arrange-pool.ts";
import { checkInteger, type Cursor, type SkippedImage } from "../batch.ts";
import { checkPart, type BatchPart } from "../batch-part.ts";
import type { MaxSkipped } from "../skipped-images.ts";
import type { PlannedGroup } from "./plan-shards.ts";
import type { SampleWorkers } from "./sample-workers.ts";
import type { ShardSet } from "./shard-set.ts";

/** Options of createShardBatches. Mean and standard deviation are those that the images will be normalised with. */
export interface ShardBatchesOptions extends ChannelStatistics {
  readonly source: ShardSet;
  /** What reads, decodes and tokenises; the caller closes it after the stream. */
  readonly workers: SampleWorkers;
  /** Pads what the workers' tokenizer made. */
  readonly tokenizer: Pick<Tokenizer, "contextLength" | "padId" | "encodeBatch">;
  /** Pairs of a batch, over all parts. */
  readonly batchSize: number;
  readonly seed: number;
  /** Captions are padded to the batch's longest, rounded up to this multiple; 8 by default. */
  readonly bucketMultiple?: number | undefined;
  /** Batches in the making beyond the one asked for, as far as the workers have slots; 2 by default. */
  readonly prefetch?: number | undefined;
  /** How many samples may be unusable; 1 % but never fewer than 10 by default. */
  readonly maxSkipped?: MaxSkipped | undefined;
  /** Called once for each sample that cannot be used, and once for each shard that cannot be opened. */
  readonly onSkip?: ((skipped: SkippedImage) => void) | undefined;
  /** True by default. False: shards and samples in order, not bucketed by length. */
  readonly shuffle?: boolean | undefined;
  /** True by default: pairs of one caption go to different batches where possible. */
  readonly distinct?: boolean | undefined;
  /** True by default: an epoch leaves out the pairs that fill no whole batch, counted over the whole set. */
  readonly dropLast?: boolean | undefined;
  /** Draw shards with replacement; false by default. */
  readonly resampled?: boolean | undefined;
  /** Shards that are open and mixed with one another, at least; 16 by default. */
  readonly windowShards?: number | undefined;
  /** Samples that are mixed with one another, at least; 100,000 by default. */
  readonly windowSamples?: number | undefined;
  /** Where to go on: the cursor of a stream of the same set, seed and batch size, of any part. */
  readonly restore?: Cursor | undefined;
  /** Rows of each batch that are decoded and handed out; all by default. */
  readonly part?: BatchPart | undefined;
}

const standard = {
  bucketMultiple: 8,
  prefetch: 2,
  shuffle: true,
  distinct: true,
  dropLast: true,
  resampled: false,
  windowShards: 16,
  windowSamples: 100_000,
  part: { index: 0, of: 1 },
} as const;

type Standard = Required<{ [Name in keyof typeof standard]: NonNullable<ShardBatchesOptions[Name]> }>;

/** The options with their defaults. */
export type ShardBatchesSettings = Omit<ShardBatchesOptions, keyof Standard> & Standard;

const least = { batchSize: 1, bucketMultiple: 1, prefetch: 0, windowShards: 1, windowSamples: 1 } as const;

/** Fills in defaults. @throws ClipError "bad-argument" for numbers out of range. */
export function resolveShardOptions(options: ShardBatchesOptions): ShardBatchesSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings = { ...standard, ...Object.fromEntries(given) } as ShardBatchesSettings;
  for (const name of Object.keys(least) as (keyof typeof least)[]) checkInteger(name, settings[name], least[name]);
  checkPart(settings.part, settings.batchSize);
  return settings;
}

/** What of a set its plan is made from. */
export function groupsOf({ groups }: ShardSet): readonly PlannedGroup[] {
  return groups.map(({ label, shards, weight }) => ({ label, weight, counts: shards.map(({ samples }) => samples) }));
}

/** Batches of an epoch of so many positions. @throws ClipError "bad-config" if they fill none. */
export function countSteps(length: number, { source, batchSize, dropLast }: ShardBatchesSettings): number {
  const steps = countBatches(length, { batchSize, dropLast });
  if (steps > 0) return steps;
  throw new ClipError(
    "bad-config",
    `${source.label} draws ${length} pairs an epoch, fewer than the batch size ${batchSize}, ` +
      "and an epoch leaves out pairs that fill no whole batch: lower the batch size",
    { data: { length, batchSize } },
  );
}

/** Refuses a cursor of other data or of batches of another size. */
export function checkRestore({ restore, source, batchSize }: ShardBatchesSettings): void {
  const { data = source.fingerprint, globalBatch = batchSize } = restore ?? {};
  if (data !== source.fingerprint) {
    throw new ClipError(
      "bad-data",
      `cannot go on: the position was saved with data of fingerprint ${data}, and ${source.label} has ` +
        `${source.fingerprint}: shards were added, removed or changed. Bring back the set as it was, or begin anew`,
      { data: { saved: data, found: source.fingerprint } },
    );
  }
  if (globalBatch !== batchSize) {
    throw new ClipError(
      "bad-config",
      `cannot go on: the position was saved with ${globalBatch} pairs a batch, and now there are ${batchSize}: ` +
        "bring back the batch size as it was, over all processes, or begin anew",
      { data: { saved: globalBatch, found: batchSize } },
    );
  }
}
