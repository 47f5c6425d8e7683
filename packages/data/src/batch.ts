import { ClipError } from "@clip-ts/base";
import type { PreprocessConfig } from "@clip-ts/image";
import type { Tokenizer } from "@clip-ts/tokenizer";
import type { LeftOut } from "./left-out.ts";
import type { PairSource } from "./pair-source.ts";
import type { MaxSkipped } from "./skipped-images.ts";

/** Numbers in memory, row by row. */
interface PairArray<Data> {
  readonly data: Data;
  readonly shape: readonly number[];
}

/** A batch's pixels and token ids as arrays with shapes, in its memory, by the names that CLIP's objectives read. */
export interface PairArrays {
  /** [batch, 3, imageSize, imageSize]. */
  readonly pixelValues: PairArray<Float32Array>;
  /** [batch, tokens]. */
  readonly inputIds: PairArray<Int32Array>;
}

/** The arrays of a batch for whatever trains or embeds it. */
export function pairArrays(batch: Batch): PairArrays {
  const { pixelValues, inputIds, batch: rows, imageSize, tokens } = batch;
  return {
    pixelValues: { data: pixelValues, shape: [rows, 3, imageSize, imageSize] },
    inputIds: { data: inputIds, shape: [rows, tokens] },
  };
}

/** A batch in plain arrays, ready to become tensors. The caller owns it. */
export interface Batch {
  /** [batch, 3, imageSize, imageSize], normalised. */
  readonly pixelValues: Float32Array;
  /** [batch, tokens]: start, text, end, padding. */
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly tokens: number;
  readonly imageSize: number;
  /** The records' keys, row by row. */
  readonly keys: readonly string[];
  /** The captions behind `inputIds`, row by row. */
  readonly captions: readonly string[];
  readonly epoch: number;
  /** Place in its epoch, from 0. */
  readonly index: number;
}

/** A position in an endless run of epochs: batch `batch` of epoch `epoch`, both from 0. Plain JSON. */
export interface Cursor {
  readonly epoch: number;
  readonly batch: number;
}

/** An image that could not be read. */
export interface SkippedImage {
  readonly key: string;
  readonly reason: string;
}

/** Batches without end, epoch after epoch. */
export interface BatchStream {
  readonly stepsPerEpoch: number;
  /** The images that could not be read so far, each once. */
  readonly skipped: readonly SkippedImage[];
  /** What the source left out, and the images that could not be read so far, counted by reason. */
  leftOut(): readonly LeftOut[];
  /**
   * The next batch. An error in making it rejects here and leaves the cursor in place. Calls that
   * overlap are served in turn.
   */
  next(): Promise<Batch>;
  /** Where `next` goes on: batches prepared ahead do not move it. Save it, pass it as `restore`. */
  cursor(): Cursor;
  /** Stops preparing batches and waits for what is under way; `next` rejects from here on. */
  close(): Promise<void>;
}

/** What training and evaluation batches have in common. */
export interface SharedBatchOptions {
  readonly source: PairSource;
  readonly tokenizer: Tokenizer;
  readonly preprocess: PreprocessConfig;
  readonly batchSize: number;
  /**
   * Captions are padded to the batch's longest, rounded up to this multiple; 8 by default. The
   * tokenizer's context length pads every batch to full width.
   */
  readonly bucketMultiple?: number;
  /** Batches in the making beyond the one asked for; 2 by default. */
  readonly prefetch?: number;
  /** Images read at a time; 8 by default. */
  readonly concurrency?: number;
  /** How many images may be unreadable; 1 % but never fewer than 10 by default. */
  readonly maxSkipped?: MaxSkipped;
  /** Called once for each image that cannot be read. */
  readonly onSkip?: (skipped: SkippedImage) => void;
}

/** The shared options with their defaults. */
export type ResolvedOptions = Required<Omit<SharedBatchOptions, "onSkip" | "maxSkipped">> &
  Pick<SharedBatchOptions, "onSkip" | "maxSkipped">;

/** Throws "bad-argument" unless the option is a whole number from `least`. */
export function checkInteger(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ClipError("bad-argument", `${name} must be a whole number from ${least}, got ${value}`, {
    data: { name, value, least },
  });
}

/** Fills in defaults; throws for numbers out of range. */
export function resolveOptions<Options extends SharedBatchOptions>(options: Options): Options & ResolvedOptions {
  const { bucketMultiple = 8, prefetch = 2, concurrency = 8 } = options;
  checkInteger("batchSize", options.batchSize, 1);
  checkInteger("bucketMultiple", bucketMultiple, 1);
  checkInteger("prefetch", prefetch, 0);
  checkInteger("concurrency", concurrency, 1);
  return { ...options, bucketMultiple, prefetch, concurrency };
}
