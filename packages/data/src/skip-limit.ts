import { ClipError, shown } from "@clip-ts/base";
import type { LeftOutItem } from "./left-out.ts";

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
  const limit =
    typeof maxSkipped === "number" ? maxSkipped : Math.floor(parseShare(maxSkipped) * total);
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
  readonly limit: number;
}

const listed = 5;

/** The refusal of a data set of which more would be left out than may be. It names the first five. */
export function tooManySkipped({ label, what, total, skipped, limit }: TooMany): ClipError {
  const lines = skipped
    .slice(0, listed)
    .map(({ name, reason = "" }) =>
      reason.includes(name) ? `\n  ${reason}` : `\n  ${name}: ${reason}`,
    );
  const allowed =
    skipped.length > limit
      ? `, and no more than ${limit} may be left out: mend them or raise maxSkipped (--max-skipped of a command)`
      : ", so nothing is left";
  return new ClipError(
    "bad-data",
    `${label}: ${skipped.length} of ${total} ${what}${allowed}. The first:${lines.join("")}`,
    { data: { label, total, limit, skipped: skipped.slice(0, 100) } },
  );
}

/** Throws the refusal when more than `limit` were left out, or all there was. */
export function checkSkipped(found: TooMany & { readonly kept: number }): void {
  const { skipped, limit, kept } = found;
  if (skipped.length > limit || (kept === 0 && skipped.length > 0)) throw tooManySkipped(found);
}
