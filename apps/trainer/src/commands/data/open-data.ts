import { ClipError } from "@clip-ts/base";
import type { CaptionChoice, LeftOut, ShardSet } from "@clip-ts/data";
import { shardsOfPairs } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { kindNamed, type SourceKind } from "../../cli/extension.ts";
import { placesOf, readingOf } from "../../cli/shard-options.ts";
import { openShards } from "../../config/open-shards.ts";
import { openSourceByName } from "../../config/named-source.ts";

/** Data of any kind, ready to be walked through. */
export interface OpenData {
  readonly set: ShardSet;
  /** What it is: "webdataset", or the kind of an added source. */
  readonly kind: string;
  readonly captions: CaptionChoice | undefined;
  /** What of it is no sample, so far; more is found as shards are opened. */
  leftOut(): readonly LeftOut[];
  close(): Promise<void>;
}

const captionsOf = ({ texts }: Arguments): CaptionChoice | undefined => {
  const names = texts("captions");
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, 1]));
};

/** Whether words name an added source, such as emoji:fluent. */
export const isAdded = (paths: readonly string[], sources: readonly SourceKind[]): boolean =>
  paths.some((path) => kindNamed(path, sources) !== undefined);

async function openAdded(args: Arguments, sources: readonly SourceKind[]): Promise<OpenData | undefined> {
  const { positionals: paths } = args;
  const [path = ""] = paths;
  const added = paths.map((each) => kindNamed(each, sources)).find((found) => found !== undefined);
  if (added === undefined) return undefined;
  if (paths.length > 1) throw new ClipError("bad-argument", `${path} has to be named alone`);
  const source = await openSourceByName(path, { kinds: sources, maxSkipped: "100%" });
  const { leftOut = [] } = source;
  const set = shardsOfPairs(source);
  return { set, kind: added.kind, captions: captionsOf(args), leftOut: () => leftOut, close: async () => undefined };
}

/**
 * Opens what words name: shards of any kind, tables, folders, or an added source. The caller closes it.
 * @throws ClipError for what is not there, cannot be counted, or is of no known kind.
 */
export async function openData(args: Arguments, sources: readonly SourceKind[]): Promise<OpenData> {
  const added = await openAdded(args, sources);
  if (added !== undefined) return added;
  const captions = captionsOf(args);
  const set = await openShards({ ...readingOf(args), path: args.positionals, captions }, placesOf(args));
  return { set, kind: set.storedAs, captions, leftOut: () => set.leftOut(), close: () => set.close() };
}
