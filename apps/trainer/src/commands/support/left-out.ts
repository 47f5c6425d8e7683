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
import type { OptionHelp } from "../../cli/command.ts";
import { note } from "../../cli/output.ts";
import { UsageError } from "../../cli/usage-error.ts";

/** The option that lets more, or fewer, faults pass. */
export const maxSkippedOption: OptionHelp = {
  type: "string",
  value: "N|N%",
  help: "faulty rows and images that may be left out (default 1%, but never fewer than 10)",
};

/** `--max-skipped` as a number or a share; undefined for the default. */
export function maxSkippedOf({
  text,
}: {
  readonly text: (name: string) => string | undefined;
}): MaxSkipped | undefined {
  const given = text("max-skipped");
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given)) return Number(given);
  if (/^\d+(\.\d+)?%$/.test(given)) return given as MaxSkipped;
  throw new UsageError(`--max-skipped ${given}: expected a whole number, or a share such as 5%.`);
}

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
export function withUnreadable(
  leftOut: readonly LeftOut[],
  skipped: readonly SkippedJob[],
): LeftOut[] {
  const tally = createTally();
  for (const { name, reason } of skipped) tally.add("unreadable-image", name, reason);
  return joinLeftOut([leftOut, tally.list()]);
}

/** Counts on stderr what was left out, by reason, and names it. */
export function noteLeftOut(leftOut: readonly LeftOut[], label?: string): void {
  for (const line of leftOutLines(leftOut, label)) note(line);
}
