import type { Arguments, Command } from "../../cli/command.ts";
import {
  dtypeOption,
  engineOptions,
  exifOption,
  imageSizeOption,
  languageOption,
  maxTokensOption,
  maxSkippedOf,
  maxSkippedOption,
  selfCheckOption,
} from "../../cli/options.ts";
import { embedRequest, shardOptions } from "./request.ts";

async function run(args: Arguments): Promise<void> {
  const request = embedRequest(args);
  if (request.form === "file") return (await import("./run-files.ts")).embedFiles(args, request);
  if (request.form === "join") return (await import("./join.ts")).joinEmbedding(request);
  return (await import("./run-shards.ts")).embedShards(args, request);
}

/** clip-ts embed */
export const embedCommand: Command = {
  name: "embed",
  words: "MODEL [IMAGE|FOLDER|URL|SHARDS...]",
  needs: 0,
  summary: "write the features of images or captions as .npy or .jsonl",
  details:
    "Rows have length 1: a dot product of two is their cosine. Beside OUT.npy, float32 " +
    "[inputs, dim], OUT.txt lists the inputs in the order of the rows; OUT.jsonl holds " +
    '{"input", "embedding"} a line. A folder stands for the images below it, links followed; http and https addresses are fetched. ' +
    "Unreadable images are left out; whatever is, is counted and listed at the end. " +
    "With a folder as output, OUTDIR/, images of any number are embedded shard by shard: the words name tars " +
    "(shards/{000..099}.tar), Parquet files, tables of paths, folders of these or of images, on disk, at https:// or " +
    "s3://. Each shard NAME gives NAME.npy, NAME.keys.jsonl, whose line i is the key of row i as JSON, and " +
    "NAME.left-out.json, written last. The same command goes on where it was stopped; --join makes one file of all. " +
    "Processes that mpirun, srun, a Slurm array or a Kubernetes Indexed Job starts share the shards; --part says it by hand.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "OUT",
      required: true,
      writes: true,
      help: "file to write; its ending chooses the format; - is stdout, as .jsonl; OUTDIR/ is a folder",
    },
    texts: {
      type: "string",
      value: "FILE",
      help: "captions instead of images, one a line, blank lines too; - reads stdin",
    },
    shards: { type: "boolean", help: "OUT is a folder, shard in, shard out" },
    ...shardOptions,
    join: { type: "string", value: "OUTDIR", help: "join what shards gave to one OUT.npy and OUT.keys.jsonl" },
    "max-skipped": maxSkippedOption,
    exif: exifOption,
    "image-size": imageSizeOption,
    "max-tokens": maxTokensOption,
    "self-check": selfCheckOption,
    dtype: dtypeOption,
    language: languageOption,
    ...engineOptions,
  },
  check: (args) => {
    embedRequest(args);
    maxSkippedOf(args);
  },
  run,
};
