import { ClipError } from "@clip-ts/base";
import type { PreparedShard } from "@clip-ts/node";
import { UsageError, type Arguments, type Command } from "../../cli/command.ts";
import type { SourceKind } from "../../cli/extension.ts";
import { bytesText, count } from "../../cli/numbers.ts";
import { countOption } from "../../cli/options.ts";
import { counter, print } from "../../cli/output.ts";
import { parsePart, partOption } from "../../cli/parts.ts";
import { settlePart } from "../../cli/settle-part.ts";
import { checkReading } from "../../cli/shard-options.ts";
import { table } from "../../cli/text.ts";
import type { OpenData } from "./open-data.ts";
import { dataOptions, jsonOption, pathHelp, threadsHelp } from "./options.ts";

const formats = ["jpg", "png", "webp"] as const;

const powers: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** `--bytes 500M`. @throws UsageError for what is none. */
function bytesOf({ text }: Arguments): number | undefined {
  const given = text("bytes");
  if (given === undefined) return undefined;
  const [, number, unit = ""] = /^(\d+)([kMG]?)$/.exec(given) ?? [];
  const bytes = Number(number) * (powers[unit] ?? 1);
  if (bytes >= 1) return bytes;
  throw new UsageError(`--bytes ${given}: expected a number of bytes, such as 500M or 1G.`);
}

/** Keys to be left out: each line up to its first tab, as `data check --list` writes them. */
async function skipped({ text }: Arguments): Promise<ReadonlySet<string> | undefined> {
  const file = text("skip-list");
  if (file === undefined) return undefined;
  const { readLines } = await import("../../cli/lines.ts");
  const keys = new Set<string>();
  for await (const line of readLines(file)) if (line !== "") keys.add(line.split("\t", 1)[0] ?? line);
  return keys;
}

const sum = (shards: readonly PreparedShard[], of: (shard: PreparedShard) => number): number =>
  shards.reduce((total, shard) => total + of(shard), 0);

function show(shards: readonly PreparedShard[], skipList: ReadonlySet<string> | undefined): void {
  const number = (of: (shard: PreparedShard) => number): string => count(sum(shards, of));
  const rows = [
    ["shards", count(shards.length)],
    ["  there already", number(({ wasKept }) => Number(wasKept))],
    ["tars", number(({ tars }) => tars)],
    ["bytes", bytesText(sum(shards, ({ bytes }) => bytes))],
    ["samples read", number((shard) => shard.count)],
    ["samples written", number(({ samples }) => samples)],
    ["  with another key", number(({ renamed }) => renamed)],
    ["  without a caption", number(({ withoutCaption }) => withoutCaption)],
    ["left out", number((shard) => shard.count - shard.samples)],
    ...(skipList === undefined ? [] : [[`  of ${count(skipList.size)} on the list`, number((shard) => shard.skipped)]]),
  ];
  print(table(rows));
}

async function prepare(args: Arguments, data: OpenData): Promise<void> {
  const { joinLeftOut } = await import("@clip-ts/data");
  const { prepareShards } = await import("@clip-ts/node");
  const { noteLeftOut } = await import("../shared/left-out.ts");
  const { writeOutput } = await import("../shared/output-files.ts");
  const out = args.text("output") as string;
  const skip = await skipped(args);
  const part = await settlePart(args.text("part"));
  let progress: ((done: number) => void) | undefined;
  const shards = await prepareShards({
    set: data.set,
    out,
    samples: countOption(args, "samples"),
    bytes: bytesOf(args),
    size: countOption(args, "size"),
    format: formats.find((format) => format === args.text("format")),
    part,
    captions: data.captions,
    skip,
    keepsWholeKeys: ["csv", "tsv", "jsonl", "parquet", "mds"].includes(data.kind),
    onShard: (_shard, done, total) => (progress ??= counter("shards", total))(done),
  });
  show(shards, skip);
  const leftOut = joinLeftOut(shards.map((shard) => shard.leftOut));
  noteLeftOut(leftOut);
  noteLeftOut(data.leftOut(), "not read");
  const json = args.text("json");
  if (json !== undefined) await writeOutput(json, `${JSON.stringify({ out, shards, leftOut }, undefined, 2)}\n`);
  if (sum(shards, ({ samples }) => samples) > 0 || shards.length === 0) return;
  throw new ClipError("bad-data", `Nothing was written to ${out}: no sample of ${data.set.label} could be read.`);
}

/** clip-ts data prepare */
export const dataPrepareCommand = (sources: readonly SourceKind[]): Command => ({
  name: "data prepare",
  words: "PATH...",
  needs: 1,
  summary: "write data of any kind as tars that training reads fast",
  details:
    `${pathHelp(sources)}OUT gets 00000.tar and so on, each with an index, counts and a Parquet file of captions and ` +
    "sizes beside it. Images keep their bytes unless --size or --format changes them; every one is decoded, and those " +
    "that cannot be are left out and counted. Shards that are whole are kept, so the same command goes on after an " +
    "interruption. Parts may run at the same time, also on several machines, into one folder or several. " +
    threadsHelp,
  options: {
    output: { type: "string", short: "o", value: "OUT", required: true, help: "folder to write" },
    samples: { type: "string", value: "N", number: "count", help: "samples of a shard (default 10000)" },
    bytes: {
      type: "string",
      value: "N",
      help: "end a tar at so many bytes, such as 500M; the rest goes into more tars",
    },
    size: { type: "string", value: "PIXELS", number: "count", help: "shorter side of larger images, made smaller" },
    format: { type: "string", choices: formats, help: "of all images; else JPEG, PNG for PNG and alpha" },
    part: partOption,
    "skip-list": { type: "string", value: "FILE", help: "keys to leave out, as data check --list writes them" },
    ...dataOptions,
    json: jsonOption,
  },
  check: (args) => {
    checkReading(args);
    parsePart(args.text("part"));
    bytesOf(args);
  },
  async run(args) {
    const { openData } = await import("./open-data.ts");
    const data = await openData(args, sources);
    try {
      await prepare(args, data);
    } finally {
      await data.close();
    }
  },
});
