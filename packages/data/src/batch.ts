import { ClipError, sidesOf, type ImageSize } from "@clip-ts/base";
import type { ImagePreparer, Preprocessing } from "@clip-ts/image";
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
  /** [batch, 3, height, width], or rows of patches: normalised numbers, or bytes that are not. */
  readonly pixelValues: PairArray<Float32Array | Uint8ClampedArray>;
  /** [batch, 3]: what bytes are normalised by, for values from 0 to 1; the same in each row. */
  readonly pixelMean?: PairArray<Float32Array>;
  /** [batch, 3]. */
  readonly pixelStd?: PairArray<Float32Array>;
  /** [batch, tokens]. */
  readonly inputIds: PairArray<Int32Array>;
}

/** The same three numbers in each row. */
function repeated(numbers: readonly [number, number, number], rows: number): PairArray<Float32Array> {
  const data = new Float32Array(3 * rows);
  for (let row = 0; row < rows; row++) data.set(numbers, 3 * row);
  return { data, shape: [rows, 3] };
}

/**
 * The arrays of a batch for whatever trains or embeds it. Of a batch that has `pixels`: its bytes, and what they are
 * normalised by, which is left to the step; its `pixelValues` are not made.
 */
export function pairArrays(batch: Batch): PairArrays {
  const { pixels, batch: rows, imageSize, tokens } = batch;
  const { height, width } = sidesOf(imageSize);
  const shape = [rows, ...(batch.pixelShape ?? [3, height, width])];
  const inputIds = { data: batch.inputIds, shape: [rows, tokens] };
  if (pixels === undefined) return { pixelValues: { data: batch.pixelValues, shape }, inputIds };
  const { data, mean, std } = pixels;
  return { pixelValues: { data, shape }, inputIds, pixelMean: repeated(mean, rows), pixelStd: repeated(std, rows) };
}

/** Pixels before normalising. */
export interface BytePixels {
  /** [batch, 3, height, width]; the stream's own memory, valid until its next batch is asked for. */
  readonly data: Uint8ClampedArray;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** A batch in plain arrays, ready to become tensors. The caller owns it, but for `pixels`. */
export interface Batch {
  /** [batch, 3, height, width], or [batch, ...pixelShape], normalised. Of a batch that has `pixels`: made of them when first read. */
  readonly pixelValues: Float32Array;
  /** The same before normalising, where whatever makes the batch leaves that to the step. */
  readonly pixels?: BytePixels;
  /** [batch, tokens]: start, text, end, padding. */
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly tokens: number;
  readonly imageSize: ImageSize;
  /** Sides of one image, where it is no planes: of rows of patches, [patches, patch and its place]. */
  readonly pixelShape?: readonly number[];
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
  /** Fingerprint of the data, where the stream knows one: another set has other batches at this position. */
  readonly data?: string;
  /** Pairs of a batch, over all parts of it, where the stream says so. */
  readonly globalBatch?: number;
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
  /** Ours, or a processor of @huggingface/transformers (`fromTransformersProcessor` of `@clip-ts/image`). */
  readonly preprocess: Preprocessing | ImagePreparer;
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
