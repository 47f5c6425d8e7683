import type { IndexedShard } from "@clip-ts/node";
import type { Arguments, Command } from "../../cli/command.ts";
import { bytesText, count, megabytes } from "../../cli/numbers.ts";
import { counter, note, print } from "../../cli/output.ts";
import { placeOptions, placesOf } from "../../cli/shard-options.ts";
import { table } from "../../cli/text.ts";
import { jsonOption } from "./options.ts";

/** A shard that cannot be indexed. */
interface FailedShard {
  readonly place: string;
  readonly reason: string;
}

/** What indexing came to. */
interface Indexing {
  readonly shards: readonly IndexedShard[];
  readonly failed: readonly FailedShard[];
  readonly seconds: number;
}

async function indexAll(args: Arguments, pattern: string): Promise<Indexing> {
  const { writeTarIndexes } = await import("@clip-ts/node");
  const { openPlaces } = await import("../../config/open-shards.ts");
  const { store, cacheFolder } = openPlaces(placesOf(args));
  const failed: FailedShard[] = [];
  const began = performance.now();
  let show: ((done: number) => void) | undefined;
  try {
    const shards = await writeTarIndexes(pattern, {
      store,
      cacheFolder,
      force: args.flag("force"),
      onShard: (_shard, done, total) => (show ??= counter("shards", total))(done),
      onFailure: (place, error) => {
        failed.push({ place, reason: error instanceof Error ? error.message : String(error) });
      },
    });
    return { shards, failed, seconds: (performance.now() - began) / 1000 };
  } finally {
    await store.close();
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function show({ shards, failed, seconds }: Indexing): void {
  const made = shards.filter(({ wasKept }) => !wasKept);
  const bytes = sum(made.map((shard) => shard.bytes));
  const rows = [
    ["shards", count(shards.length + failed.length)],
    ["  indexed now", count(made.length)],
    ["  right already", count(shards.length - made.length)],
    ["  not to be read", count(failed.length)],
    ["samples", count(sum(shards.map(({ samples }) => samples)))],
    ["bytes", bytesText(sum(shards.map((shard) => shard.bytes)))],
    ["MB/s", made.length === 0 ? "-" : megabytes(bytes / seconds)],
  ];
  print(table(rows));
  const unkept = made.filter(({ isKept }) => !isKept);
  if (unkept.length > 0) {
    note(`${unkept.length} indexes could not be kept: neither their folder nor --cache can be written`);
  }
  const differing = shards.filter(({ samples, stated }) => stated !== undefined && stated !== samples);
  for (const { place, samples, stated } of differing.slice(0, 10)) {
    note(`${place} has ${samples} samples, the counts beside it say ${stated}; the index is believed`);
  }
  if (differing.length > 10) note(`and ${differing.length - 10} more shards with other counts`);
  for (const { place, reason } of failed) note(reason.includes(place) ? reason : `${place}: ${reason}`);
}

async function run(args: Arguments): Promise<number> {
  const { joinLeftOut } = await import("@clip-ts/data");
  const { noteLeftOut } = await import("../shared/left-out.ts");
  const { writeOutput } = await import("../shared/output-files.ts");
  const { openPlaces } = await import("../../config/open-shards.ts");
  const { kindOfPaths } = await import("../../config/shard-kinds.ts");
  const { store } = openPlaces(placesOf(args));
  const kind = await kindOfPaths(args.positionals, store).finally(() => store.close());
  if (kind !== "webdataset") {
    print(`${args.positionals.join(" ")}: ${kind} needs no index; its own files say where samples lie.`);
    return 0;
  }
  const found = await indexAll(args, args.positionals.join("::"));
  show(found);
  const leftOut = joinLeftOut(found.shards.map((shard) => shard.leftOut));
  noteLeftOut(leftOut);
  const json = args.text("json");
  if (json !== undefined) await writeOutput(json, `${JSON.stringify({ ...found, leftOut }, undefined, 2)}\n`);
  return found.failed.length > 0 ? 1 : 0;
}

/** clip-ts data index */
export const dataIndexCommand: Command = {
  name: "data index",
  words: "PATH...",
  needs: 1,
  summary: "count the samples of tars, once",
  details:
    "A PATH is tars, a folder of them, or a pattern such as shards/{00000..00999}.tar, also at https:// and s3://. " +
    "Each is read once; its index, NAME.idx, is written beside it, or into the cache where that cannot be. " +
    "Shards whose index is right are left alone, so an interrupted run goes on. Exit code 1 if a shard cannot be read. " +
    "Other kinds need no index.",
  options: { force: { type: "boolean", help: "index again what has an index" }, ...placeOptions, json: jsonOption },
  run,
};
