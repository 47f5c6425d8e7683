import { statSync } from "node:fs";
import type { Arguments } from "../../cli/command.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { maxSkippedOf } from "./max-skipped.ts";

/** "1,2,4" → [1, 2, 4]. @throws UsageError. */
export function shotCounts(text: string | undefined): number[] {
  const counts = (text ?? "").split(",").filter(Boolean).map(Number);
  if (counts.every((count) => Number.isSafeInteger(count) && count > 0)) return counts;
  throw new UsageError(`--shots ${text}: expected whole numbers with commas between, as 1,2,4.`);
}

/** Whether data are surely no table: drawings, or a folder. */
const isNoTable = (data: string): boolean =>
  data.startsWith("emoji:") || statSync(data, { throwIfNoEntry: false })?.isDirectory() === true;

/** @throws UsageError for options of `evaluate` that make no sense together. */
export function checkEvaluation(args: Arguments): void {
  const { text } = args;
  const data = text("retrieval");
  if ((data ?? text("zero-shot") ?? text("linear-probe")) === undefined) {
    throw new UsageError(
      "evaluate needs --retrieval DATA, --zero-shot FOLDER or --linear-probe FOLDER.",
    );
  }
  shotCounts(text("shots"));
  maxSkippedOf(args);
  if (data !== undefined && (text("separator") ?? text("quoting")) !== undefined && isNoTable(data))
    throw new UsageError(`--separator and --quoting are for tables, and ${data} is none.`);
}
