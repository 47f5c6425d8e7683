import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { rowsAt, type StepBatch } from "@clip-ts/jit";

/** Rows `start` to `end` of a batch. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Cuts the rows of a batch into micro-batches as even as can be; no more of them than rows. */
export function rowRanges(rows: number, parts: number): RowRange[] {
  const count = Math.min(rows, parts);
  return Array.from({ length: count }, (_, part) => ({
    start: Math.round((part * rows) / count),
    end: Math.round(((part + 1) * rows) / count),
  }));
}

/** Those of the named arrays that are there, in the order of the names. */
export function pickPresent(arrays: HostArrays, names: readonly string[]): HostArrays {
  const found = names.flatMap((name) => {
    const array = arrays[name];
    return array === undefined ? [] : [[name, array] as const];
  });
  return Object.fromEntries(found);
}

/** The rows that the arrays of a batch have in common. */
function commonRows(pairs: HostArrays): number {
  const [first, ...others] = Object.entries(pairs).map(([name, { shape }]) => ({ name, shape }));
  const rows = first?.shape[0] ?? 0;
  const other = others.find(({ shape }) => shape[0] !== rows);
  if (rows > 0 && other === undefined) return rows;
  throw new ClipError(
    "bad-shape",
    first === undefined || rows === 0
      ? "The batch has no pairs: give it the arrays that its objective reads."
      : `A batch has one row for each pair: "${first.name}" has ${rows}, "${other?.name}" ` +
          `[${other?.shape.join(", ")}].`,
  );
}

/** What an objective reads of a step's arrays. */
export interface InputNames {
  readonly pairs: readonly string[];
  readonly shared: readonly string[];
}

/**
 * A batch in as many micro-batches as asked for, no more than pairs, in the memory of its arrays.
 * @throws ClipError "bad-shape" if there are none, or "bad-argument" naming arrays that nothing reads.
 */
export function splitBatch(arrays: HostArrays, { pairs, shared }: InputNames, parts: number): StepBatch {
  const known = new Set([...pairs, ...shared]);
  const unknown = Object.keys(arrays).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new ClipError(
      "bad-argument",
      `The objective does not read ${unknown.join(", ")}: it knows ${[...known].join(", ")}.`,
      { data: { unknown } },
    );
  }
  const own = pickPresent(arrays, pairs);
  const ranges = rowRanges(commonRows(own), parts);
  const split = ranges.map(({ start, end }) => rowsAt(own, start, end - start));
  return { parts: split, shared: pickPresent(arrays, shared) };
}
