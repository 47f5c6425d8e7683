import { ClipError, shown } from "@clip-ts/base";
import { blendCount, leans } from "./blends.ts";
import { rateRange, type Background } from "./background.ts";

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length === blendCount && value.every((entry) => Number.isFinite(entry));

const isSorted = (list: readonly number[]): boolean =>
  list.every((entry, at) => at === 0 || entry <= (list[at - 1] ?? 0));

/** What is wrong with a background's figures, or nothing. */
function faultOfFigures({ format, rows, falsePositiveRate: rate = 0 }: Partial<Background>): string | undefined {
  if (format !== 1) return `format 1, got ${shown(format)}`;
  if (!Number.isSafeInteger(rows) || Number(rows) < 0) return `a number of rows, got ${shown(rows)}`;
  return rate >= rateRange.least && rate <= rateRange.greatest
    ? undefined
    : `a false-positive rate, got ${shown(rate)}`;
}

/** What is wrong with a background's lists, or nothing. */
function faultOfLists({ rows, best }: Partial<Background>): string | undefined {
  const lists = rows === 0 ? 0 : leans.length;
  const found: readonly unknown[] = Array.isArray(best) ? best : [];
  if (found.length === lists && found.every((list) => isNumbers(list) && isSorted(list))) return undefined;
  return `${lists} lists of ${blendCount} best cosines, greatest first`;
}

/**
 * A background from what JSON holds.
 * @throws ClipError "bad-data" for anything else; measure it anew then.
 */
export function readBackground(value: unknown): Background {
  const record = typeof value === "object" && value !== null ? (value as Partial<Background>) : {};
  const fault = faultOfFigures(record) ?? faultOfLists(record);
  if (fault === undefined) return record as Background;
  throw new ClipError("bad-data", `an index's background: expected ${fault}; measure it anew`);
}
