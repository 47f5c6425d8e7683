import type { LeftOut } from "./left-out.ts";

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
