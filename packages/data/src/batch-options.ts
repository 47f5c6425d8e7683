import { ClipError } from "@clip-ts/base";
import type { PreprocessConfig } from "@clip-ts/image";
import type { Tokenizer } from "@clip-ts/tokenizer";
import type { SkippedImage } from "./batch.ts";
import type { PairSource } from "./pair-source.ts";
import type { MaxSkipped } from "./skip-limit.ts";

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
  throw new ClipError(
    "bad-argument",
    `${name} must be a whole number from ${least}, got ${value}`,
    {
      data: { name, value, least },
    },
  );
}

/** Fills in defaults; throws for numbers out of range. */
export function resolveOptions<Options extends SharedBatchOptions>(
  options: Options,
): Options & ResolvedOptions {
  const { bucketMultiple = 8, prefetch = 2, concurrency = 8 } = options;
  checkInteger("batchSize", options.batchSize, 1);
  checkInteger("bucketMultiple", bucketMultiple, 1);
  checkInteger("prefetch", prefetch, 0);
  checkInteger("concurrency", concurrency, 1);
  return { ...options, bucketMultiple, prefetch, concurrency };
}
