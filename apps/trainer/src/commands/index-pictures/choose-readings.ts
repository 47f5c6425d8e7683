import { refuseOtherReading, type IndexRecord, type SourceReading } from "@clip-ts/picture-index";
import type { Arguments } from "../../cli/command.ts";
import { note } from "../../cli/output.ts";
import { placesOf, readingOf } from "../../cli/shard-options.ts";
import { given } from "../../config/open-shards.ts";
import { absolute } from "./open-sources.ts";

/** A source as a word names it, and how it is read. */
export interface ChosenReading {
  readonly word: string;
  /** As the index's record has it. */
  readonly path: string;
  readonly reading: SourceReading;
}

/** What options say of how sources are read and reached. */
function readingGiven(args: Arguments): SourceReading {
  const { endpoint, anonymous } = placesOf(args);
  return given({ ...readingOf(args), endpoint, anonymous });
}

/** A folder of pictures has nothing to read otherwise but its kind. */
const ofFolder = ({ kind }: SourceReading): SourceReading => (kind === undefined ? {} : { kind });

/** Says how a source is reached now, if that is another way than before. */
function sayReached(path: string, before: SourceReading, now: SourceReading): void {
  for (const name of ["endpoint", "anonymous"] as const) {
    if (before[name] === now[name]) continue;
    note(`${path} is reached by --${name} ${String(now[name])} from now on, before by ${before[name] ?? "none"}`);
  }
}

/**
 * How each source is read: as the index has it, and as options say of those that words name; of all, if none is named.
 * @throws ClipError "bad-config" where options would read a source of the index otherwise than before.
 */
export function chooseReadings(
  args: Arguments,
  { all, named }: { readonly all: readonly string[]; readonly named: readonly string[] },
  { record, remaps }: { readonly record: IndexRecord | undefined; readonly remaps: boolean },
): ChosenReading[] {
  const asked = readingGiven(args);
  return all.map((word) => {
    const path = absolute(word);
    const before = record?.readings?.[path];
    const isAsked = named.length === 0 || named.includes(word);
    const wanted = before?.kind === "folder" ? ofFolder(asked) : asked;
    const reading = isAsked ? { ...before, ...wanted } : { ...before };
    if (before !== undefined) {
      if (!remaps) refuseOtherReading(path, before, reading);
      sayReached(path, before, reading);
    }
    return { word, path, reading };
  });
}
