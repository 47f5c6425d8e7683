import { reasonOf } from "../file-access.ts";
import { bytesPerImage, type CaptionJob, type ImageJob, type PixelSlot, type SampleWorkers } from "./sample-workers.ts";
import type { OpenShard, Sample, Shard, Unreadable } from "./shard-set.ts";

/** Of workers what reading in order takes; no captions are asked for where only images are read. */
export type SequentialWorkers = Pick<SampleWorkers, "size" | "patches" | "acquire" | "release" | "images" | "captions">;

/** Samples of a shard that are read together. */
export interface SampleRun {
  /** Of the shard among those that are read. */
  readonly place: number;
  readonly shard: Shard;
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

/** A sample that cannot be used. */
export interface LeftOutSample {
  readonly kind: "unreadable-image" | "no-caption";
  readonly key: string;
  readonly reason: string;
}

/** Samples that could be read. */
export interface ReadRun {
  /** In the order of the samples, row by row. */
  readonly keys: readonly string[];
  /** Bytes before normalising, [rows, 3, size, size]; none where only captions are read. */
  readonly pixels: Uint8ClampedArray;
  /** Row by row; none where only images are read. */
  readonly captions: readonly string[];
  readonly leftOut: readonly LeftOutSample[];
  /** Gives the pixels' memory back; whoever reads in order does so by asking for the next batch. */
  release(): void;
}

/** How samples are read. */
interface RunReading {
  readonly workers: SequentialWorkers;
  readonly reads: "image" | "text" | "both";
  readonly opened: Promise<OpenShard | Unreadable>;
}

type Row = Sample & { readonly caption: string };

const isRow = (row: Row | LeftOutSample): row is Row => !("kind" in row);

async function samplesOf({ shard, start, end }: SampleRun, opened: OpenShard): Promise<(Sample | LeftOutSample)[]> {
  const sampleAt = async (index: number): Promise<Sample | LeftOutSample> => {
    try {
      return await opened.sample(index);
    } catch (error) {
      return { kind: "unreadable-image", key: `${shard.name}, sample ${index}`, reason: reasonOf(error) };
    }
  };
  return Promise.all(Array.from({ length: end - start }, (_, offset) => sampleAt(start + offset)));
}

/** Puts captions to samples. */
async function withCaptions(
  samples: readonly (Sample | LeftOutSample)[],
  workers: SequentialWorkers,
): Promise<(Row | LeftOutSample)[]> {
  const there = samples.filter((sample) => "texts" in sample);
  const jobs = there.map(({ texts, key }): CaptionJob => ({ texts, key, random: ["caption", key] }));
  const captions = jobs.length === 0 ? [] : await workers.captions(jobs);
  let at = 0;
  return samples.map((sample) => {
    if (!("texts" in sample)) return sample;
    const read = captions[at++]!;
    if ("caption" in read) return { ...sample, caption: read.caption };
    return { kind: "no-caption", key: sample.key, reason: read.reason };
  });
}

/** Decodes the rows' images into the slot, one after the other without gaps. */
async function withPixels(
  rows: readonly (Row | LeftOutSample)[],
  workers: SequentialWorkers,
  slot: PixelSlot,
): Promise<(Row | LeftOutSample)[]> {
  const jobs: ImageJob[] = [];
  const wanted = rows.map((row): Row | LeftOutSample => {
    if (!isRow(row)) return row;
    const { image, key } = row;
    if ("reason" in image) return { kind: "unreadable-image", key, reason: image.reason };
    jobs.push({ image, key, random: ["image", key], row: jobs.length });
    return row;
  });
  const faults = jobs.length === 0 ? [] : await workers.images(jobs, slot);
  const length = bytesPerImage(workers);
  let [at, kept] = [0, 0];
  return wanted.map((row) => {
    if (!isRow(row)) return row;
    const from = at++;
    const fault = faults[from];
    if (fault !== undefined) return { kind: "unreadable-image", key: row.key, reason: fault.reason };
    if (kept !== from) slot.pixels.copyWithin(kept * length, from * length, (from + 1) * length);
    kept++;
    return row;
  });
}

async function readRows(run: SampleRun, { workers, reads, opened }: RunReading, slot: PixelSlot | undefined) {
  const shard = await opened;
  if ("reason" in shard) return shard;
  const samples = await samplesOf(run, shard);
  const captioned =
    reads === "image"
      ? samples.map((sample) => ("texts" in sample ? { ...sample, caption: "" } : sample))
      : await withCaptions(samples, workers);
  return slot === undefined ? captioned : withPixels(captioned, workers, slot);
}

/** Reads samples, or says why their shard cannot be opened. Its memory is asked for at once, so in the order of calls. */
export async function readRun(run: SampleRun, reading: RunReading): Promise<ReadRun | Unreadable> {
  const { workers, reads } = reading;
  const slot = reads === "text" ? undefined : await workers.acquire(run.end - run.start);
  const release = (): void => slot && workers.release(slot);
  try {
    const read = await readRows(run, reading, slot);
    if ("reason" in read) {
      release();
      return read;
    }
    const rows = read.filter(isRow);
    const pixels = slot?.pixels.subarray(0, rows.length * bytesPerImage(workers)) ?? new Uint8ClampedArray();
    return {
      keys: rows.map(({ key }) => key),
      captions: reads === "image" ? [] : rows.map(({ caption }) => caption),
      pixels,
      leftOut: read.filter((row) => "kind" in row),
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}
