import type { WorkPart } from "@clip-ts/node";
import { UsageError, type OptionHelp } from "./command.ts";

/** The option that does one part of the work. */
export const partOption: OptionHelp = {
  type: "string",
  value: "I/N",
  help: "do part I of N, from 1/N to N/N; as a launcher of several processes says if absent",
};

/** `--part 2/8`; without it the whole is one part. @throws UsageError for what is none. */
export function parsePart(given: string | undefined): WorkPart {
  if (given === undefined) return { number: 1, of: 1 };
  const [, number = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(given) ?? []).map(Number);
  if (number >= 1 && number <= of && Number.isSafeInteger(of)) return { number, of };
  throw new UsageError(`--part ${given}: expected I/N with I from 1 to N, such as 1/4 for the first of four.`);
}

/** What of a list is a part's, every Nth: each item belongs to exactly one. */
export function partOf<Item>(items: readonly Item[], { number, of }: WorkPart): Item[] {
  return items.filter((_, at) => at % of === number - 1);
}
