import type { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import type { SkippedImage } from "./batch.ts";
import { reasonOf } from "./file-access.ts";
import { createTally, joinLeftOut, type LeftOut, type LeftOutItem } from "./left-out.ts";
import { limitConcurrency } from "./limit-concurrency.ts";
import type { PairRecord, PairSource } from "./pair-source.ts";
import { closedError } from "./prefetch.ts";
import { type MaxSkipped, skipLimit, tooManySkipped } from "./skip-limit.ts";

/** Options of createImageLoader. */
export interface ImageLoaderOptions {
  /** Images read at a time. */
  readonly concurrency: number;
  /** Bytes of decoded pixels kept in memory. */
  readonly cacheBytes: number;
  /** Where the images come from. */
  readonly source: PairSource;
  /** How many of the source's images may be unreadable; 1 % but never fewer than 10 by default. */
  readonly maxSkipped?: MaxSkipped | undefined;
  /** Called once for each image that cannot be read. */
  readonly onSkip?: ((skipped: SkippedImage) => void) | undefined;
}

/** Reads images with bounded concurrency. */
export interface ImageLoader {
  /**
   * The image, or undefined when it cannot be read: then it is listed and not tried again. Rejects with
   * "bad-data" once more images than may be cannot be read.
   */
  load(record: PairRecord): Promise<Pixels | undefined>;
  readonly skipped: readonly SkippedImage[];
  /** What the source left out, and the images that could not be read so far. */
  leftOut(): LeftOut[];
  /** The error for a source of which no image can be read. */
  noneReadable(): ClipError;
  /** Lets no further read begin and waits for those under way. */
  stop(): Promise<void>;
}

/**
 * A loader with a memory. The cache keeps the first images that fit and drops none: an epoch visits
 * every image once, so of a set that does not fit, evicting would only lower the share found.
 */
export function createImageLoader(options: ImageLoaderOptions): ImageLoader {
  const limited = limitConcurrency(options.concurrency);
  const cache = new Map<string, Pixels>();
  const unreadable = new Set<string>();
  const skipped: SkippedImage[] = [];
  const reading = new Set<Promise<Pixels>>();
  const underWay = new Map<string, Promise<Pixels | undefined>>();
  const { label, records, leftOut = [] } = options.source;
  const limit = skipLimit(records.length, options.maxSkipped);
  let freeBytes = options.cacheBytes;
  let stopped = false;

  const keep = (key: string, pixels: Pixels): void => {
    if (cache.has(key) || pixels.data.byteLength > freeBytes) return;
    freeBytes -= pixels.data.byteLength;
    cache.set(key, pixels);
  };
  const skip = (key: string, reason: string): void => {
    if (unreadable.has(key)) return;
    unreadable.add(key);
    skipped.push({ key, reason });
    options.onSkip?.({ key, reason });
  };
  const read = async (record: PairRecord): Promise<Pixels | undefined> => {
    if (stopped) throw closedError();
    const image = record.loadImage();
    reading.add(image);
    try {
      return await image;
    } catch (error) {
      skip(record.key, reasonOf(error));
      return undefined;
    } finally {
      reading.delete(image);
    }
  };

  /** Reads an image once, however many ask for it at a time. */
  const readOnce = (record: PairRecord): Promise<Pixels | undefined> => {
    const { key } = record;
    const before = underWay.get(key);
    if (before !== undefined) return before;
    const pixels = limited(() => read(record)).finally(() => underWay.delete(key));
    underWay.set(key, pixels);
    return pixels;
  };
  const items = (): LeftOutItem[] => skipped.map(({ key, reason }) => ({ name: key, reason }));
  const refusal = (): ClipError =>
    tooManySkipped({
      label,
      what: "images cannot be read",
      total: records.length,
      skipped: items(),
      limit,
    });

  return {
    skipped,
    async load(record) {
      const { key } = record;
      if (skipped.length > limit) throw refusal();
      if (unreadable.has(key)) return undefined;
      const pixels = cache.get(key) ?? (await readOnce(record));
      if (skipped.length > limit) throw refusal();
      if (pixels !== undefined) keep(key, pixels);
      return pixels;
    },
    leftOut() {
      const tally = createTally();
      for (const { name, reason } of items()) tally.add("unreadable-image", name, reason);
      return joinLeftOut([leftOut, tally.list()]);
    },
    noneReadable: refusal,
    async stop() {
      stopped = true;
      await Promise.allSettled(reading);
    },
  };
}
