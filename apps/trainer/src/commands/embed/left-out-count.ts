import {
  checkSkipped,
  createTally,
  skipLimit,
  type LeftOut,
  type LeftOutItem,
  type LeftOutSample,
  type MaxSkipped,
  type SequentialBatch,
} from "@clip-ts/data";
import type { ShardRecord } from "./shard-files.ts";

/** Counts what has no row, against what may be left out of all that a run is to embed. */
export interface LeftOutCount {
  /** Rows so far, of finished shards too. */
  readonly rows: number;
  /** A shard of an earlier run. */
  addFinished(record: ShardRecord): void;
  /** A batch of this one. @throws ClipError once more is left out than may be. */
  add(batch: Pick<SequentialBatch, "keys" | "leftOut">): void;
  /** What was left out of the shard that has just been read. */
  takeShard(): LeftOutSample[];
  check(): void;
  /** @throws ClipError also where nothing has a row. */
  checkEnd(): void;
  /** Of this run. */
  list(): LeftOut[];
}

/** More are not named in messages. */
const mostNames = 100;

/** Nothing is left out yet. */
export function countLeftOut(label: string, total: number, maxSkipped: MaxSkipped | undefined): LeftOutCount {
  const limit = skipLimit(total, maxSkipped);
  const tally = createTally();
  const skipped: LeftOutItem[] = [];
  let shard: LeftOutSample[] = [];
  let [rows, count] = [0, 0];
  const note = (found: readonly LeftOutSample[]): void => {
    count += found.length;
    for (const { key, reason } of found.slice(0, mostNames - skipped.length)) skipped.push({ name: key, reason });
  };
  const check = (kept: number): void => {
    checkSkipped({ label, what: "samples cannot be read", total, skipped, count, limit, kept });
  };
  return {
    get rows() {
      return rows;
    },
    addFinished(record) {
      rows += record.rows;
      note(record.leftOut);
    },
    add({ keys, leftOut }) {
      rows += keys.length;
      note(leftOut);
      shard.push(...leftOut);
      for (const { kind, key, reason } of leftOut) tally.add(kind, key, reason);
      if (leftOut.length > 0) check(total);
    },
    takeShard() {
      const found = shard;
      shard = [];
      return found;
    },
    check: () => check(total),
    checkEnd: () => check(rows),
    list: () => tally.list(),
  };
}
