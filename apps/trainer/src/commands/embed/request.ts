import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { UsageError, type Arguments, type OptionHelp } from "../../cli/command.ts";
import { countOption } from "../../cli/options.ts";
import { parsePart, partOption } from "../../cli/parts.ts";
import {
  checkReading,
  givenOption,
  placesOf,
  readingOf,
  readingOptions,
  type Reading,
} from "../../cli/shard-options.ts";

/** Images or captions whose features go into one file. */
export interface FileRequest {
  readonly form: "file";
  /** "-" is stdout. */
  readonly output: string;
  readonly format: "npy" | "jsonl";
  /** File of captions, if they are embedded. */
  readonly texts?: string;
}

/** Of samples what is embedded. */
export type Embedded = "image" | "text" | "both";

/** Shards whose features go into a folder, a file for each. */
export interface ShardsRequest {
  readonly form: "shards";
  /** The folder. */
  readonly output: string;
  readonly words: readonly string[];
  readonly reading: Reading;
  readonly places: ReturnType<typeof placesOf>;
  /** Which text is the caption; the first usual one if absent. */
  readonly caption: string | undefined;
  readonly what: Embedded;
  /** I/N; as the launcher says if absent. */
  readonly part: string | undefined;
  /** Samples embedded at a time. */
  readonly batch: number;
  /** Most patches of those that go through the tower together. */
  readonly maxTokens: number | undefined;
}

/** Features of all shards that are to become one file. */
export interface JoinRequest {
  readonly form: "join";
  readonly folder: string;
  readonly output: string;
}

/** Where the inputs behind the rows of a NumPy file are listed. */
export function listingOf(output: string): string {
  return output.replace(/\.npy$/, ".txt");
}

/** The options that say how shards are embedded; none makes sense without a folder to write. */
export const shardOptions: Readonly<
  Record<"what" | "caption" | "part" | "batch" | keyof typeof readingOptions, OptionHelp>
> = {
  what: {
    type: "string",
    choices: ["image", "text", "both"],
    help: "of shards: image (default), text (their captions, NAME.text.npy) or both",
  },
  caption: { type: "string", value: "NAME", help: "which text is the caption: txt, json.caption, a column" },
  ...readingOptions,
  part: partOption,
  batch: { type: "string", value: "N", number: "count", help: "samples of shards embedded at a time (default 32)" },
};

function isFolder(output: string, { flag }: Arguments): boolean {
  return (
    flag("shards") || /[/\\]$/.test(output) || (statSync(output, { throwIfNoEntry: false })?.isDirectory() ?? false)
  );
}

function shardsRequest(output: string, args: Arguments): ShardsRequest {
  const { text } = args;
  const words = args.positionals.slice(1);
  checkReading(args);
  parsePart(text("part"));
  if (output === "-") throw new UsageError("Features of shards go into a folder, not to stdout: give -o OUTDIR/.");
  if (words.length === 0 || text("texts") !== undefined) {
    throw new UsageError("embed into a folder takes shards: tars, Parquet files, tables or folders of images.");
  }
  return {
    form: "shards",
    output: output.replace(/(?<=.)[/\\]+$/, ""),
    words,
    reading: readingOf(args),
    places: placesOf(args),
    caption: text("caption"),
    what: (text("what") ?? "image") as Embedded,
    part: text("part"),
    batch: countOption(args, "batch") ?? 32,
    maxTokens: countOption(args, "max-tokens"),
  };
}

function joinRequest(folder: string, output: string, { positionals }: Arguments): JoinRequest {
  if (positionals.length > 0) {
    throw new UsageError(
      `--join ${folder} needs neither a model nor images: clip-ts embed --join ${folder} -o OUT.npy`,
    );
  }
  if (extname(output) === ".npy") return { form: "join", folder, output };
  throw new UsageError(`--output ${output}: expected a name that ends in .npy, which joined shards become.`);
}

/** Refuses options that are for shards where there is no folder to write. */
function refuseShards(args: Arguments): void {
  const option = givenOption(args, shardOptions);
  if (option !== undefined) throw new UsageError(`--${option} is for shards, with a folder to write: -o OUTDIR/.`);
}

function fileRequest(output: string, args: Arguments): FileRequest {
  const { positionals, text } = args;
  refuseShards(args);
  const texts = text("texts");
  const ending = output === "-" ? ".jsonl" : extname(output);
  if (ending !== ".npy" && ending !== ".jsonl") {
    throw new UsageError(
      `--output ${output}: expected a name that ends in .npy or .jsonl, a folder (OUTDIR/), or - for JSON lines on stdout.`,
    );
  }
  if ((texts === undefined) === positionals.length < 2) {
    throw new UsageError("embed takes either images or --texts FILE. See clip-ts embed --help.");
  }
  if (texts !== undefined && ending === ".npy" && resolve(texts) === resolve(listingOf(output))) {
    throw new UsageError(`The list of inputs, ${texts}, would overwrite the captions: rename OUT.`);
  }
  const format = ending === ".npy" ? "npy" : "jsonl";
  return { form: "file", output, format, ...(texts === undefined ? {} : { texts }) };
}

/** Reads the options of `embed`. @throws UsageError for what makes no sense together. */
export function embedRequest(args: Arguments): FileRequest | ShardsRequest | JoinRequest {
  const output = args.text("output") as string;
  const folder = args.text("join");
  if (folder !== undefined) return joinRequest(folder, output, args);
  if (args.positionals.length === 0) {
    throw new UsageError("embed needs more words. Usage: clip-ts embed MODEL [IMAGE|FOLDER|URL|SHARDS...]");
  }
  return isFolder(output, args) ? shardsRequest(output, args) : fileRequest(output, args);
}
