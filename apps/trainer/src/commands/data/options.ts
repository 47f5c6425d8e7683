import type { SourceKind } from "../../cli/extension.ts";
import type { OptionHelp } from "../../cli/command.ts";
import { readingOptions } from "../../cli/shard-options.ts";

/** What is read, and which texts of it are captions. */
export const dataOptions: Readonly<Record<string, OptionHelp>> = {
  ...readingOptions,
  captions: { type: "string", value: "NAME", multiple: true, help: "text that is the caption, such as json.alt" },
};

/** `--json`, for numbers that programs read. */
export const jsonOption: OptionHelp = {
  type: "string",
  value: "FILE",
  writes: true,
  help: "write all numbers as JSON; - is stdout",
};

/** What PATH may be, as help says it. */
export function pathHelp(sources: readonly SourceKind[]): string {
  const examples = sources.flatMap(({ example }) => example ?? []);
  const added = examples.length === 0 ? "" : `, or ${examples.join(", ")}`;
  return (
    "A PATH is tars of images and captions (a folder of them, or shards/{00000..00099}.tar), Parquet files, a folder " +
    `of MosaicML's MDS, a csv, tsv or jsonl table, a folder of images${added}; also at https:// and s3://. `
  );
}

/** What help says of speed. */
export const threadsHelp = "Images are decoded on four threads, on more if UV_THREADPOOL_SIZE=16 or so is set before.";
