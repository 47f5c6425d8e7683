import { ClipError } from "@clip-ts/base";
import { checkInteger } from "./batch.ts";

/** A part of each batch, for one of several processes that share a step. */
export interface BatchPart {
  /** From 0. */
  readonly index: number;
  /** How many parts there are. */
  readonly of: number;
}

/** All of a batch. */
export const wholeBatch: BatchPart = { index: 0, of: 1 };

/** Refuses a part that is none. @throws ClipError "bad-argument", also for more parts than pairs of a batch. */
export function checkPart({ index, of }: BatchPart, batchSize: number): void {
  checkInteger("part.of", of, 1);
  checkInteger("part.index", index, 0);
  if (index < of && of <= batchSize) return;
  throw new ClipError(
    "bad-argument",
    `expected a part from 0 of at most ${batchSize}, the batch size; got part ${index} of ${of}`,
    { data: { index, of, batchSize } },
  );
}

/** Rows of a batch that belong to a part: first, and one past the last. */
export function rowsOfPart(rows: number, { index, of }: BatchPart): readonly [number, number] {
  return [Math.round((index * rows) / of), Math.round(((index + 1) * rows) / of)];
}
