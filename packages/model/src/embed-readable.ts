import { ClipError } from "@clip-ts/base";
import type { Clip } from "./clip.ts";
import type { FeatureRows } from "@clip-ts/core";

/** An image that is read when its turn comes. */
export interface ImageJob<Image> {
  /** Names the image in messages. */
  readonly name: string;
  /** Rejects when the image cannot be read. */
  readonly load: () => Promise<Image>;
}

/** An image that could not be read. */
export interface SkippedJob {
  readonly name: string;
  readonly reason: string;
}

/** Features of the images that could be read. */
export interface ReadableFeatures {
  /** Unit rows, in the order of the jobs. */
  readonly features: FeatureRows;
  /** The job behind each row. */
  readonly kept: readonly number[];
  readonly skipped: readonly SkippedJob[];
}

/** Settings of embedReadable. */
export interface EmbedReadableOptions {
  /** Images in memory at a time; 32 by default. */
  readonly batchSize?: number;
  /** Called after each batch with the number of jobs done. */
  readonly onProgress?: (done: number) => void;
  /** Called after a batch in which images were left out, with all so far; its errors end the embedding. */
  readonly onSkip?: (skipped: readonly SkippedJob[]) => void;
}

function joinRows(parts: readonly FeatureRows[]): FeatureRows {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const dim = parts[0]?.dim ?? 0;
  const values = new Float32Array(rows * dim);
  let offset = 0;
  for (const part of parts) {
    values.set(part.values, offset);
    offset += part.values.length;
  }
  return { values, rows, dim };
}

function noneReadable(skipped: readonly SkippedJob[]): ClipError {
  const [first] = skipped;
  const example = first === undefined ? "there were none." : `the first: ${first.reason}`;
  return new ClipError("bad-data", `None of ${skipped.length} images could be read; ${example}`, {
    data: { skipped },
  });
}

/** The images of a batch that can be read, and what is wrong with the others. */
async function loadBatch<Image>(batch: readonly ImageJob<Image>[]) {
  const outcomes = await Promise.allSettled(batch.map((job) => job.load()));
  const images: Image[] = [];
  const kept: number[] = [];
  const skipped: SkippedJob[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") {
      kept.push(index);
      images.push(outcome.value);
    } else {
      const reason: unknown = outcome.reason;
      const text = reason instanceof Error ? reason.message : String(reason);
      skipped.push({ name: batch[index]?.name ?? "", reason: text });
    }
  }
  return { images, kept, skipped };
}

/** What comes one after the other, at once or in time. */
export type AnyIterable<Item> = Iterable<Item> | AsyncIterable<Item>;

async function* inBatches<Item>(items: AnyIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Embeds images batch by batch and leaves out those that cannot be read.
 * @throws ClipError "bad-data" if none can.
 */
export async function embedReadable<Image>(
  clip: Pick<Clip<Image>, "embedImages">,
  jobs: AnyIterable<ImageJob<Image>>,
  { batchSize = 32, onProgress, onSkip }: EmbedReadableOptions = {},
): Promise<ReadableFeatures> {
  const parts: FeatureRows[] = [];
  const kept: number[] = [];
  const skipped: SkippedJob[] = [];
  let done = 0;
  for await (const batch of inBatches(jobs, batchSize)) {
    const loaded = await loadBatch(batch);
    if (loaded.images.length > 0) parts.push(await clip.embedImages(loaded.images));
    for (const index of loaded.kept) kept.push(done + index);
    skipped.push(...loaded.skipped);
    if (loaded.skipped.length > 0) onSkip?.(skipped);
    done += batch.length;
    onProgress?.(done);
  }
  if (kept.length === 0) throw noneReadable(skipped);
  return { features: joinRows(parts), kept, skipped };
}
