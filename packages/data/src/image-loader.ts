import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import type { SkippedImage } from "./batch.ts";
import { reasonOf } from "./file-access.ts";
import { limitConcurrency } from "./limit-concurrency.ts";
import type { PairRecord } from "./pair-source.ts";
import { closedError } from "./prefetch.ts";

/** Options of createImageLoader. */
export interface ImageLoaderOptions {
  /** Images read at a time. */
  readonly concurrency: number;
  /** Bytes of decoded pixels kept in memory. */
  readonly cacheBytes: number;
  /** Called once for each image that cannot be read. */
  readonly onSkip?: ((skipped: SkippedImage) => void) | undefined;
}

/** Reads images with bounded concurrency. */
export interface ImageLoader {
  /** The image, or undefined when it cannot be read: then it is listed and not tried again. */
  load(record: PairRecord): Promise<Pixels | undefined>;
  readonly skipped: readonly SkippedImage[];
  /** The error for a source of which no image can be read. */
  noneReadable(label: string): ClipError;
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

  return {
    skipped,
    async load(record) {
      const { key } = record;
      if (unreadable.has(key)) return undefined;
      const pixels = cache.get(key) ?? (await limited(() => read(record)));
      if (pixels !== undefined) keep(key, pixels);
      return pixels;
    },
    noneReadable(label) {
      const [first] = skipped;
      const example = first === undefined ? "" : `; the first: ${first.key}: ${first.reason}`;
      return new ClipError("bad-data", `${label}: no image could be read${example}`, {
        data: { skipped },
      });
    },
    async stop() {
      stopped = true;
      await Promise.allSettled(reading);
    },
  };
}
