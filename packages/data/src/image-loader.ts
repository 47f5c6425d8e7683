import type { Pixels } from "@clip-ts/image";
import { reasonOf } from "./file-access.ts";
import type { PairRecord } from "./pair-source.ts";
import { closedError } from "./prefetch.ts";
import { createSkippedImages, type SkippedImages, type SkippedImagesOptions } from "./skipped-images.ts";

/** Runs tasks, at most `limit` at a time, in the order they came. */
export type Limiter = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** A limiter for `limit` tasks at a time. */
export function limitConcurrency(limit: number): Limiter {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running < limit) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The place passes straight to the next in line, or is given up.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

/** `map` over all items, at most `limit` at a time; results in the items' order. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const limited = limitConcurrency(limit);
  return Promise.all(items.map((item) => limited(() => map(item))));
}

/** Options of createImageLoader. */
export interface ImageLoaderOptions extends SkippedImagesOptions {
  /** Images read at a time. */
  readonly concurrency: number;
  /** Bytes of decoded pixels kept in memory. */
  readonly cacheBytes: number;
}

/** Reads images with bounded concurrency. */
export interface ImageLoader {
  /**
   * The image, or undefined when it cannot be read: then it is listed and not tried again. Rejects with
   * "bad-data" once more images than may be cannot be read.
   */
  load(record: PairRecord): Promise<Pixels | undefined>;
  readonly skipped: SkippedImages;
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
  const skipped = createSkippedImages(options);
  const reading = new Set<Promise<Pixels>>();
  const underWay = new Map<string, Promise<Pixels | undefined>>();
  let freeBytes = options.cacheBytes;
  let stopped = false;

  const keep = (key: string, pixels: Pixels): void => {
    if (cache.has(key) || pixels.data.byteLength > freeBytes) return;
    freeBytes -= pixels.data.byteLength;
    cache.set(key, pixels);
  };
  const read = async (record: PairRecord): Promise<Pixels | undefined> => {
    if (stopped) throw closedError();
    const image = record.loadImage();
    reading.add(image);
    try {
      return await image;
    } catch (error) {
      skipped.add(record.key, reasonOf(error));
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

  return {
    skipped,
    async load(record) {
      const { key } = record;
      skipped.check();
      if (skipped.has(key)) return undefined;
      const pixels = cache.get(key) ?? (await readOnce(record));
      skipped.check();
      if (pixels !== undefined) keep(key, pixels);
      return pixels;
    },
    async stop() {
      stopped = true;
      await Promise.allSettled(reading);
    },
  };
}
