import { availableParallelism } from "node:os";
import type { ResourceLimits } from "node:worker_threads";
import { ClipError, randomStream } from "@clip-ts/base";
import {
  chooseCaption,
  type CaptionChoice,
  type CaptionJob,
  type ImageJob,
  type JobFault,
  type PixelSlot,
  type ReadCaption,
  type SampleWorkers,
} from "@clip-ts/data";
import {
  inputBytes,
  inputSize,
  isPatches,
  type AugmentConfig,
  type Preprocessing,
  type RandomViewConfig,
} from "@clip-ts/image";
import { describeTokenizer, type Tokenizer } from "@clip-ts/tokenizer";
import { closedError, createCalls } from "./calls.ts";
import { doCaption } from "./do-caption.ts";
import { faultOf } from "./do-image.ts";
import { writePicture, type PictureSettings } from "./planes.ts";
import { createRangeReader } from "./read-range.ts";
import { shareCaptions, shareImages } from "./shared-jobs.ts";
import { createSlots } from "./slots.ts";
import { startThreads, type Threads } from "./threads.ts";

/** Options of createDecodePool. */
export interface DecodePoolOptions {
  readonly preprocess: Preprocessing;
  /** Random crops and the like; without it and `view` images are prepared as for evaluation. */
  readonly augment?: AugmentConfig;
  /** In place of `augment`: crops, turns and colours in one pass. */
  readonly view?: RandomViewConfig;
  /**
   * "fast": JPEGs that become 1.8 times smaller or more are resized by libvips, and decoded at a fraction of their size
   * from 3 times on, which changes bytes a little. "exact": all images to the byte as `decodeImage` with `augment` or `preprocess` gives them.
   * Default: "fast" with `augment` or `view`, "exact" without.
   */
  readonly mode?: "fast" | "exact";
  /**
   * Captions become its ids: in the threads, or on the calling one if it was not made by `@clip-ts/tokenizer`. Without
   * one no captions can be read.
   */
  readonly tokenizer?: Tokenizer | undefined;
  /** Which texts are captions. Default: the first usual one. */
  readonly captions?: CaptionChoice;
  /** Of the jobs' random streams. */
  readonly seed: number;
  /** One less than there are cores by default, at least one. Each has one image in the making. */
  readonly threads?: number;
  /** Batches whose pixels are in memory at a time: those in the making, and those in use. Default 4. */
  readonly slots?: number;
  /** Turn images upright as their EXIF tag says; off by default. */
  readonly honourExif?: boolean;
}

function checkCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ClipError("bad-argument", `${name} must be a whole number from 1, got ${value}`, { data: { name, value } });
}

/** What would fail with every image fails here, once. */
function checkSettings(settings: PictureSettings, captions: CaptionChoice | undefined): void {
  if (settings.augment !== undefined && settings.view !== undefined) {
    throw new ClipError("bad-config", "augment and view are two ways to change images at random: give one of them");
  }
  const pixel = { data: new Uint8Array(3), width: 1, height: 1, channels: 3 } as const;
  const random = (): ReturnType<typeof randomStream> => randomStream(settings.seed);
  writePicture(pixel, settings, random(), new Uint8ClampedArray(inputBytes(settings.preprocess)));
  chooseCaption({}, captions, random());
}

function settingsOf(options: DecodePoolOptions): PictureSettings {
  const { preprocess, augment, view, seed, honourExif = false } = options;
  const mode = options.mode ?? (augment === undefined && view === undefined ? "exact" : "fast");
  return { preprocess, augment, view, mode, honourExif, seed };
}

function checkRows(jobs: readonly ImageJob[], slot: PixelSlot, bytesPerRow: number): void {
  const rows = slot.pixels.length / bytesPerRow;
  const wrong = jobs.find(({ row }) => !(Number.isInteger(row) && row >= 0 && row < rows));
  if (wrong === undefined) return;
  const { row, key } = wrong;
  throw new ClipError("bad-argument", `The slot has ${rows} rows, got row ${row} for ${key}`, { data: { row, rows } });
}

/** Captions on the calling thread, for tokenizers that no other thread can make. */
async function captionsHere(jobs: readonly CaptionJob[], options: DecodePoolOptions) {
  const reader = createRangeReader();
  const { tokenizer, captions, seed } = options;
  if (tokenizer === undefined) throw new ClipError("bad-argument", "Captions need a tokenizer: give the pool one");
  const results: (ReadCaption | JobFault)[] = [];
  for (const job of jobs) {
    const reading = doCaption(job, { tokenizer, captions, seed, reader });
    results.push(await reading.catch((error: unknown) => faultOf(job.key, error)));
  }
  reader.close();
  return results;
}

/**
 * Threads that read, decode and tokenise. Pixels are written into memory that all threads share and never sent;
 * what was handed out is worked through even while the calling thread stands still in a native call. What they
 * make is a function of the jobs, not of how many threads there are. Images run on libuv's threads, of which Node
 * has four: for more threads than that, UV_THREADPOOL_SIZE must be set before Node starts. `limits` are Node's of
 * each thread, by default its own; a thread that exceeds them bit by bit is replaced, one large piece ends the process.
 * @throws ClipError "bad-argument" or "bad-config" for options out of range, "unsupported" if no thread starts.
 */
export async function createDecodePool(options: DecodePoolOptions, limits?: ResourceLimits): Promise<SampleWorkers> {
  const { threads: count = Math.max(1, availableParallelism() - 1), slots: slotCount = 4 } = options;
  checkCount("threads", count);
  checkCount("slots", slotCount);
  const settings = settingsOf(options);
  checkSettings(settings, options.captions);
  const { preprocess } = settings;
  const bytesPerRow = inputBytes(preprocess);
  const tokenizer = options.tokenizer && describeTokenizer(options.tokenizer);

  let threads: Threads | undefined;
  const slots = createSlots(slotCount, bytesPerRow);
  const calls = createCalls(
    (message) => threads?.post(message),
    (isHeld) => threads?.hold(isHeld),
  );
  const fail = (error: Error): void => {
    calls.fail(error);
    slots.fail(error);
  };
  threads = await startThreads(
    { threads: count, settings: { ...settings, captions: options.captions, tokenizer }, limits },
    { message: calls.heard, death: calls.lost, allLost: fail },
  );
  let closing: Promise<void> | undefined;

  return {
    size: inputSize(preprocess),
    ...(isPatches(preprocess) && { patches: preprocess }),
    async acquire(rows) {
      checkCount("rows", rows);
      return slots.acquire(rows);
    },
    release: slots.release,
    async images(jobs, slot) {
      checkRows(jobs, slot, bytesPerRow);
      const { memory, done } = slots.write(slot);
      const results = calls.start("images", jobs, { ...shareImages(jobs), pixels: memory });
      return results.finally(done) as Promise<readonly (JobFault | undefined)[]>;
    },
    async captions(jobs) {
      if (closing !== undefined) throw closedError();
      if (tokenizer === undefined) return captionsHere(jobs, options);
      return (await calls.start("captions", jobs, shareCaptions(jobs))) as (ReadCaption | JobFault)[];
    },
    close() {
      fail(closedError());
      closing ??= threads.close();
      return closing;
    },
  };
}
