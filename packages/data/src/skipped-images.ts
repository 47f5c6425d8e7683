import { ClipError, shown } from "@clip-ts/base";
import type { SkippedImage } from "./batch.ts";
import { createTally, joinLeftOut, type LeftOut, type LeftOutItem } from "./left-out.ts";
import type { PairSource } from "./pair-source.ts";

/** How much may be left out of a data set: so many, or such a share of all ("5%"). */
export type MaxSkipped = number | `${number}%`;

/** Never fewer than ten, so that a small set may have a few faults, and one in a hundred. */
const standard = { least: 10, share: 0.01 } as const;

function parseShare(maxSkipped: string): number {
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(maxSkipped)?.[1];
  return share === undefined ? Number.NaN : Number(share) / 100;
}

/**
 * How many of `total` pairs may be left out: 1 % but never fewer than 10 by default.
 * @throws ClipError "bad-argument" for what is neither a number from 0 nor a share such as "5%".
 */
export function skipLimit(total: number, maxSkipped?: MaxSkipped): number {
  if (maxSkipped === undefined) {
    return Math.max(standard.least, Math.floor(total * standard.share));
  }
  const limit = typeof maxSkipped === "number" ? maxSkipped : Math.floor(parseShare(maxSkipped) * total);
  if (limit >= 0) return limit;
  throw new ClipError(
    "bad-argument",
    `maxSkipped must be a number from 0 or a share such as "5%", got ${shown(maxSkipped)}`,
    { data: { maxSkipped } },
  );
}

/** What is too much, and of how much. */
export interface TooMany {
  /** Names the data set. */
  readonly label: string;
  /** What was left out, such as "images cannot be read". */
  readonly what: string;
  readonly total: number;
  readonly skipped: readonly LeftOutItem[];
  /** How many were left out where not all are listed. */
  readonly count?: number;
  readonly limit: number;
}

const listed = 5;

/** The refusal of a data set of which more would be left out than may be. It names the first five. */
export function tooManySkipped(found: TooMany): ClipError {
  const { label, what, total, skipped, limit, count = skipped.length } = found;
  const lines = skipped
    .slice(0, listed)
    .map(({ name, reason = "" }) => (reason.includes(name) ? `\n  ${reason}` : `\n  ${name}: ${reason}`));
  const allowed =
    count > limit
      ? `, and no more than ${limit} may be left out: mend them or raise maxSkipped (--max-skipped of a command)`
      : ", so nothing is left";
  return new ClipError("bad-data", `${label}: ${count} of ${total} ${what}${allowed}. The first:${lines.join("")}`, {
    data: { label, total, limit, skipped: skipped.slice(0, 100) },
  });
}

/** Throws the refusal when more than `limit` were left out, or all there was. */
export function checkSkipped(found: TooMany & { readonly kept: number }): void {
  const { skipped, limit, kept, count = skipped.length } = found;
  if (count > limit || (kept === 0 && count > 0)) throw tooManySkipped(found);
}

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
