import type { LeftOut } from "@clip-ts/data";
import type { CheckResult, IndexedShard } from "@clip-ts/node";
import type { Arguments, Command } from "../../cli/command.ts";
import type { SourceKind } from "../../cli/extension.ts";
import { count } from "../../cli/numbers.ts";
import { counter, nameOfOutput, note, print } from "../../cli/output.ts";
import { checkReading, placesOf, readingOf } from "../../cli/shard-options.ts";
import { percent, table } from "../../cli/text.ts";
import type { OpenData } from "./open-data.ts";
import { dataOptions, jsonOption, pathHelp, threadsHelp } from "./options.ts";

/** A shard whose count is not that of the files beside it. */
interface MiscountedShard {
  readonly place: string;
  readonly samples: number;
  readonly stated: number;
}

/** What is wrong with shards themselves. */
interface ShardFaults {
  readonly miscounted: readonly MiscountedShard[];
  readonly unreadable: readonly { readonly place: string; readonly reason: string }[];
  readonly leftOut: readonly LeftOut[];
}

/** What is left out because something is wrong with a shard, and not because it is no image. */
const faults: ReadonlySet<string> = new Set(["cut-short", "unsafe-name", "second-key", "special", "large-entry"]);

const isMiscounted = (shard: IndexedShard): shard is IndexedShard & MiscountedShard =>
  shard.stated !== undefined && shard.stated !== shard.samples;

/** Indexes tars, so that their counts are their own, and opens those that can be read. */
async function openChecked(
  args: Arguments,
  sources: readonly SourceKind[],
): Promise<{ readonly data: OpenData; readonly shards: ShardFaults }> {
  const { joinLeftOut } = await import("@clip-ts/data");
  const { writeTarIndexes } = await import("@clip-ts/node");
  const { openPlaces } = await import("../../config/open-shards.ts");
  const { kindOfPaths } = await import("../../config/shard-kinds.ts");
  const { isAdded, openData } = await import("./open-data.ts");
  const none: ShardFaults = { miscounted: [], unreadable: [], leftOut: [] };
  const { positionals: paths } = args;
  if (isAdded(paths, sources)) return { data: await openData(args, sources), shards: none };
  const { store, cacheFolder } = openPlaces(placesOf(args));
  const unreadable: { place: string; reason: string }[] = [];
  let indexed: readonly IndexedShard[] = [];
  try {
    const kind = readingOf(args).kind ?? (await kindOfPaths(paths, store));
    if (kind !== "webdataset") return { data: await openData(args, sources), shards: none };
    const onFailure = (place: string, error: unknown): void => {
      unreadable.push({ place, reason: error instanceof Error ? error.message : String(error) });
    };
    indexed = await writeTarIndexes(paths.join("::"), { store, cacheFolder, onFailure });
  } finally {
    await store.close();
  }
  const leftOut = joinLeftOut(indexed.map((shard) => shard.leftOut));
  const places = unreadable.length === 0 ? paths : indexed.map(({ place }) => place);
  const miscounted = indexed.filter(isMiscounted).map(({ place, samples, stated }) => ({ place, samples, stated }));
  const data = await openData({ ...args, positionals: places }, sources);
  return { data, shards: { miscounted, unreadable, leftOut } };
}

function showBroken({ reasons }: CheckResult): void {
  if (reasons.length === 0) return;
  print(
    `\n${table([["broken by reason", "samples"], ...reasons.map((each) => [shortened(each.reason), count(each.count)])])}`,
  );
  const rows = reasons.flatMap(({ reason, examples }) => examples.slice(0, 5).map(({ key }) => [reason, key] as const));
  print("\nthe first of them:");
  for (const [reason, key] of rows.slice(0, 20)) print(`  ${key}: ${shortened(reason)}`);
}

/** A reason that leaves room for numbers beside it. */
const shortened = (reason: string): string => (reason.length > 60 ? `${reason.slice(0, 57)}...` : reason);

const listed = 10;

function showShards({ miscounted, unreadable }: ShardFaults): void {
  for (const { place, samples, stated } of miscounted.slice(0, listed)) {
    print(`${place} has ${samples} samples, the counts beside it say ${stated}`);
  }
  if (miscounted.length > listed) print(`and ${miscounted.length - listed} more shards with other counts`);
  for (const { place, reason } of unreadable.slice(0, listed)) {
    print(reason.includes(place) ? reason : `${place}: ${reason}`);
  }
  if (unreadable.length > listed) print(`and ${unreadable.length - listed} more shards that cannot be read`);
}

function show(found: CheckResult, shards: ShardFaults): void {
  const share = (number: number): string => percent(number / Math.max(1, found.samples));
  const row = (name: string, number: number): string[] => [name, count(number), share(number)];
  print(
    table([
      ["", "samples", "share"],
      row("checked", found.samples),
      row("broken", found.broken),
      row("without a caption", found.withoutCaption),
      row("images equal to an earlier one", found.equalImages),
      row("images near an earlier one (a guess)", found.nearImages),
      row("captions equal to an earlier one", found.equalCaptions),
    ]),
  );
  showBroken(found);
  if (shards.miscounted.length + shards.unreadable.length > 0) print("");
  showShards(shards);
}

/** Lines of `--list`: the key, and why. */
async function* listLines(data: OpenData, { marks }: CheckResult): AsyncGenerator<Uint8Array> {
  const { markedKeys, sampleMarks } = await import("@clip-ts/node");
  const { broken, equal, near } = sampleMarks;
  for await (const { key, marks: own } of markedKeys(data.set, marks, broken | equal | near)) {
    const why = (own & broken) !== 0 ? "broken" : (own & equal) !== 0 ? "equal" : "near";
    yield Buffer.from(`${key}\t${why}\n`);
  }
}

async function writeFound(args: Arguments, data: OpenData, found: CheckResult, shards: ShardFaults): Promise<void> {
  const { writeOutput } = await import("../shared/output-files.ts");
  const [json, list] = [args.text("json"), args.text("list")];
  const { marks: _marks, ...numbers } = found;
  if (json !== undefined) {
    const content = { data: data.set.label, kind: data.kind, ...numbers, shards };
    await writeOutput(json, `${JSON.stringify(content, undefined, 2)}\n`);
  }
  if (list === undefined) return;
  await writeOutput(list, listLines(data, found));
  note(`wrote ${count(found.broken + found.equalImages + found.nearImages)} keys to ${nameOfOutput(list)}`);
}

async function checkOpened(args: Arguments, data: OpenData, own: ShardFaults): Promise<number> {
  const { joinLeftOut } = await import("@clip-ts/data");
  const { checkSet } = await import("@clip-ts/node");
  const { noteLeftOut } = await import("../shared/left-out.ts");
  const total = data.set.groups.flatMap(({ shards }) => shards).reduce((sum, { samples }) => sum + samples, 0);
  const found = await checkSet(data.set, { captions: data.captions, onSample: counter("samples", total) });
  const leftOut = own.leftOut.length > 0 ? own.leftOut : joinLeftOut([data.leftOut()]);
  const shards = { ...own, leftOut };
  show(found, shards);
  noteLeftOut(leftOut, "not read");
  await writeFound(args, data, found, shards);
  const isFaulty =
    shards.miscounted.length + shards.unreadable.length > 0 || leftOut.some(({ kind }) => faults.has(kind));
  return found.broken > 0 || isFaulty ? 1 : 0;
}

/** clip-ts data check */
export const dataCheckCommand = (sources: readonly SourceKind[]): Command => ({
  name: "data check",
  words: "PATH...",
  needs: 1,
  summary: "decode every image, find what is broken or comes twice",
  details:
    `${pathHelp(sources)}Listed are broken samples by reason, images with equal bytes, images that look alike (a guess ` +
    "by a hash of 64 bits: drawings on white are often near each other), equal captions, entries that are refused and " +
    "shards whose counts differ from the files beside them. Exit code 1 if something is broken. 100 bytes of memory a " +
    `sample. ${threadsHelp}`,
  options: {
    list: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "write keys, and whether each is broken, equal or near, for data prepare --skip-list; - is stdout",
    },
    ...dataOptions,
    json: jsonOption,
  },
  check: checkReading,
  async run(args) {
    const { data, shards } = await openChecked(args, sources);
    try {
      return await checkOpened(args, data, shards);
    } finally {
      await data.close();
    }
  },
});
