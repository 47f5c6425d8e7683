import { statSync } from "node:fs";
import { kindNamed, type SourceKind } from "../../cli/extension.ts";
import { UsageError, type Arguments, type Command, type OptionHelp } from "../../cli/command.ts";
import { rankOptions } from "../../cli/rank-options.ts";
import { checkReading, givenOption, readingOptions } from "../../cli/shard-options.ts";
import {
  dtypeOption,
  engineOptions,
  imageSizeOption,
  languageOption,
  maxTokensOption,
  maxSkippedOf,
  maxSkippedOption,
  selfCheckOption,
} from "../../cli/options.ts";

/** "1,2,4" → [1, 2, 4]. @throws UsageError. */
export function shotCounts(text: string | undefined): number[] {
  const counts = (text ?? "").split(",").filter(Boolean).map(Number);
  if (counts.every((count) => Number.isSafeInteger(count) && count > 0)) return counts;
  throw new UsageError(`--shots ${text}: expected whole numbers with commas between, as 1,2,4.`);
}

/** Whether data are surely no table: an added kind, or a folder. */
const isNoTable = (data: string, sources: readonly SourceKind[]): boolean =>
  kindNamed(data, sources) !== undefined || statSync(data, { throwIfNoEntry: false })?.isDirectory() === true;

/** @throws UsageError for options of `evaluate` that make no sense together. */
function checkEvaluation(args: Arguments, sources: readonly SourceKind[]): void {
  const { text } = args;
  const data = text("retrieval");
  if ((data ?? text("zero-shot") ?? text("linear-probe")) === undefined) {
    throw new UsageError("evaluate needs --retrieval DATA, --zero-shot FOLDER or --linear-probe FOLDER.");
  }
  shotCounts(text("shots"));
  checkReading(args);
  maxSkippedOf(args);
  const option = data === undefined ? givenOption(args, readingOptions) : undefined;
  if (option !== undefined) throw new UsageError(`--${option} is for the DATA of --retrieval, which is absent.`);
  if (data !== undefined && (text("separator") ?? text("quoting")) !== undefined && isNoTable(data, sources))
    throw new UsageError(`--separator and --quoting are for tables, and ${data} is none.`);
}

/** What DATA may be. */
function dataHelp(sources: readonly SourceKind[]): string {
  const usual = [
    "a folder of images with captions in .txt files beside them",
    "tars of images and captions, Parquet files or a folder of MosaicML's MDS (the first 100,000 pairs, also of a " +
      "folder or pattern of them, at https:// or s3://)",
    "a .csv, .tsv or .jsonl table (also with .gz)",
  ];
  const added = sources.flatMap(({ example }) => example ?? []);
  if (added.length === 0) return usual.join(", or ");
  return `${[...usual, ...added.slice(0, -1)].join(", ")}, or ${added.at(-1)}`;
}

/** The kinds of which only the first caption is read. */
const captionsHelp = (sources: readonly SourceKind[]): string =>
  sources
    .filter(({ firstCaption }) => firstCaption !== undefined)
    .map(({ kind, firstCaption }) => `; for ${kind} first, ${firstCaption}`)
    .join("");

/** All options but those that depend on the kinds of data. */
const otherOptions: Readonly<Record<string, OptionHelp>> = {
  "zero-shot": {
    type: "string",
    value: "FOLDER",
    help: "name each image's class: top-1, top-5 and mean per class",
  },
  templates: {
    type: "string",
    value: "NAME|FILE",
    help: "openai (80, default), simple (7) or a file with one a line, {} for the class; @FILE for one called so",
  },
  classes: {
    type: "string",
    value: "NAME|FILE",
    help: "imagenet, or a file with the classes' names, one a line, in the folders' alphabetical order; @FILE for one called so",
  },
  "linear-probe": {
    type: "string",
    value: "FOLDER",
    help: "fit a logistic regression on image features; a fifth is held out as its test",
  },
  "probe-test": { type: "string", value: "FOLDER", help: "test images of the probe's classes" },
  shots: { type: "string", value: "N,N", help: "also probes on so few images of each class" },
  diagnostics: {
    type: "boolean",
    help: "with --retrieval: alignment, uniformity, modality gap, effective rank",
  },
  ...readingOptions,
  "max-skipped": maxSkippedOption,
  limit: {
    type: "string",
    value: "N",
    number: "count",
    help: "at most N images; of each class, where there are",
  },
  json: {
    type: "string",
    value: "FILE",
    writes: true,
    help: "also write everything as JSON; - is stdout, and the tables go to stderr",
  },
  report: {
    type: "string",
    value: "FILE",
    writes: true,
    help: "also draw everything as an HTML page; - is stdout",
  },
  "image-size": imageSizeOption,
  "max-tokens": maxTokensOption,
  "self-check": selfCheckOption,
  dtype: dtypeOption,
  language: languageOption,
  ...engineOptions,
};

/** clip-ts evaluate, on data of these kinds beside the trainer's own. */
export const evaluateCommand = (sources: readonly SourceKind[]): Command => ({
  name: "evaluate",
  words: "MODEL",
  needs: 1,
  summary: "measure retrieval, zero-shot accuracy and linear probes",
  details:
    `DATA is ${dataHelp(sources)}. FOLDER holds one ` +
    "folder of images for each class; links are followed. What is left out, such as " +
    "unreadable images, is counted and listed at the end. Started by mpirun or srun on several ranks, each embeds its " +
    "part, and the first measures.",
  options: {
    retrieval: {
      type: "string",
      value: "DATA",
      help: "find captions by image and images by caption: R@1, R@5, R@10, ranks",
    },
    captions: {
      type: "string",
      choices: ["first", "all"],
      help: `texts of an image in retrieval (default all${captionsHelp(sources)})`,
    },
    ...otherOptions,
    ...rankOptions,
  },
  check: (args) => checkEvaluation(args, sources),
  run: async (args) => (await import("./run.ts")).run(args, sources),
});
