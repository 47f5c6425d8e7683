import type { MaxSkipped } from "@clip-ts/data";
import type { Arguments } from "../../cli/command.ts";
import { UsageError } from "../../cli/usage-error.ts";

/** `--max-skipped` as a number or a share; undefined for the default. */
export function maxSkippedOf({ text }: Pick<Arguments, "text">): MaxSkipped | undefined {
  const given = text("max-skipped");
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given)) return Number(given);
  if (/^\d+(\.\d+)?%$/.test(given)) return given as MaxSkipped;
  throw new UsageError(`--max-skipped ${given}: expected a whole number, or a share such as 5%.`);
}
