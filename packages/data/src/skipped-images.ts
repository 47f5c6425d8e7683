import type { ClipError } from "@clip-ts/base";
import type { SkippedImage } from "./batch.ts";
import { createTally, joinLeftOut, type LeftOut } from "./left-out.ts";
import type { PairSource } from "./pair-source.ts";
import { type MaxSkipped, skipLimit, tooManySkipped } from "./skip-limit.ts";

/** Options of createSkippedImages. */
export interface SkippedImagesOptions {
  /** Where the images come from. */
  readonly source: PairSource;
  /** How many of the source's images may be unreadable; 1 % but never fewer than 10 by default. */
  readonly maxSkipped?: MaxSkipped | undefined;
  /** Called once for each image that cannot be read. */
  readonly onSkip?: ((skipped: SkippedImage) => void) | undefined;
}

/** Remembers which images of a source cannot be read. */
export interface SkippedImages {
  readonly list: readonly SkippedImage[];
  has(key: string): boolean;
  add(key: string, reason: string): void;
  /** Throws the refusal once more are unreadable than may be. */
  check(): void;
  /** The error for a source of which no image can be read. */
  refusal(): ClipError;
  /** What the source left out, and these images. */
  leftOut(): LeftOut[];
}

/** A list that is empty yet. @throws ClipError "bad-argument" if `maxSkipped` is no limit. */
export function createSkippedImages(options: SkippedImagesOptions): SkippedImages {
  const { label, records, leftOut = [] } = options.source;
  const limit = skipLimit(records.length, options.maxSkipped);
  const keys = new Set<string>();
  const list: SkippedImage[] = [];
  const refusal = (): ClipError => {
    const skipped = list.map(({ key, reason }) => ({ name: key, reason }));
    const what = "images cannot be read";
    return tooManySkipped({ label, what, total: records.length, skipped, limit });
  };
  return {
    list,
    has: (key) => keys.has(key),
    add(key, reason) {
      if (keys.has(key)) return;
      keys.add(key);
      list.push({ key, reason });
      options.onSkip?.({ key, reason });
    },
    check() {
      if (list.length > limit) throw refusal();
    },
    refusal,
    leftOut() {
      const tally = createTally();
      for (const { key, reason } of list) tally.add("unreadable-image", key, reason);
      return joinLeftOut([leftOut, tally.list()]);
    },
  };
}
