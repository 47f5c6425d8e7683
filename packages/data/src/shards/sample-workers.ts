import type { ImageSize } from "@clip-ts/base";
import { areaOf, inputBytes, type PatchesConfig } from "@clip-ts/image";
import type { BytesPlace, TextsPlace } from "./shard-set.ts";

/** The path of a random stream of the run's seed: `randomStream(seed, ...path)`. */
export type RandomPath = readonly (string | number)[];

/** An image to be made ready in a row of a batch. */
export interface ImageJob {
  readonly image: BytesPlace;
  /** Names the image in messages. */
  readonly key: string;
  /** Draws its crop and the like. */
  readonly random: RandomPath;
  readonly row: number;
}

/** Memory for the pixels of a batch, made ready row by row. */
export interface PixelSlot {
  /** Bytes before normalising, [rows, 3, height, width], or rows of patches. */
  readonly pixels: Uint8ClampedArray;
}

/** A caption to be chosen, read and made into ids. */
export interface CaptionJob {
  readonly texts: TextsPlace;
  readonly key: string;
  /** Draws which of its captions counts. */
  readonly random: RandomPath;
}

/** A caption and its ids, not padded: start, text, end. */
export interface ReadCaption {
  readonly caption: string;
  readonly ids: Int32Array;
}

/** Why a job could not be done. */
export interface JobFault {
  readonly reason: string;
}

/** Bytes of an image in a slot. */
export const bytesPerImage = ({ size, patches }: Pick<SampleWorkers, "size" | "patches">): number =>
  patches === undefined ? 3 * areaOf(size) : inputBytes(patches);

/** What reads, decodes and tokenises: in worker threads, or where it is called. All of it a function of jobs alone. */
export interface SampleWorkers {
  /** Width and height of the images it makes; of rows of patches, those of a square with as many. */
  readonly size: ImageSize;
  /** Set where images become rows of patches: a row of a slot is then as long as `inputBytes` of it. */
  readonly patches?: PatchesConfig | undefined;
  /** Memory for a batch; waits until the holder of an earlier one has released it, so that work never runs away. */
  acquire(rows: number): Promise<PixelSlot>;
  release(slot: PixelSlot): void;
  /** Fills the jobs' rows of a slot. Of each job: nothing, or why its image cannot be read (its row is then arbitrary). */
  images(jobs: readonly ImageJob[], slot: PixelSlot): Promise<readonly (JobFault | undefined)[]>;
  /** Of each job the caption, or why it has none. */
  captions(jobs: readonly CaptionJob[]): Promise<readonly (ReadCaption | JobFault)[]>;
  /** Ends what is under way; what was asked for rejects. */
  close(): Promise<void>;
}
