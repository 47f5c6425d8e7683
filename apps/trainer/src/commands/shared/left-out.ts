import {
  checkSkipped,
  createTally,
  joinLeftOut,
  leftOutLines,
  skipLimit,
  type LeftOut,
  type MaxSkipped,
} from "@clip-ts/data";
import type { SkippedJob } from "@clip-ts/model";
import { note } from "../../cli/output.ts";

/** Ends an embedding once more of its images than may be cannot be read. */
export function limitSkipped(
  label: string,
  total: number,
  maxSkipped: MaxSkipped | undefined,
): (skipped: readonly SkippedJob[]) => void {
  const limit = skipLimit(total, maxSkipped);
  return (skipped) => {
    if (skipped.length <= limit) return;
    checkSkipped({ label, what: "images cannot be read", total, skipped, limit, kept: total });
  };
}

/** What listing left out, and the images that could not be read. */
export function withUnreadable(leftOut: readonly LeftOut[], skipped: readonly SkippedJob[]): LeftOut[] {
  const tally = createTally();
  for (const { name, reason } of skipped) tally.add("unreadable-image", name, reason);
  return joinLeftOut([leftOut, tally.list()]);
}

/** Counts on stderr what was left out, by reason, and names it. */
export function noteLeftOut(leftOut: readonly LeftOut[], label?: string): void {
  for (const line of leftOutLines(leftOut, label)) note(line);
}
