import { extname, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { LeftOut } from "@clip-ts/data";
import { embedReadable, type FeatureRows } from "@clip-ts/model";
import { listImages, npyChunks, type FoundImages } from "@clip-ts/node";
import { type Arguments, type Command, engineOptions } from "../cli/command.ts";
import { allLines } from "../cli/lines.ts";
import { counter, note } from "../cli/output.ts";
import { UsageError } from "../cli/usage-error.ts";
import { imageSizeOption } from "./support/image-size.ts";
import { exifOption, imageJobs } from "./support/images.ts";
import {
  limitSkipped,
  maxSkippedOf,
  maxSkippedOption,
  noteLeftOut,
  withUnreadable,
} from "./support/left-out.ts";
import { type OpenModel, withModel } from "./support/open-model.ts";
import { writeOutput } from "./support/tensor-files.ts";

/** Features and the input behind each row. */
interface Embedded {
  readonly features: FeatureRows;
  readonly inputs: readonly string[];
  readonly leftOut?: readonly LeftOut[];
}

async function embedFiles(
  { clip, description }: OpenModel,
  { images, leftOut }: FoundImages,
  args: Arguments,
): Promise<Embedded> {
  const jobs = imageJobs(images, description, args.flag("exif"));
  const onProgress = counter("images", jobs.length);
  const onSkip = limitSkipped("embed", jobs.length, maxSkippedOf(args));
  const { features, kept, skipped } = await embedReadable(clip, jobs, { onProgress, onSkip });
  return {
    features,
    inputs: kept.map((index) => images[index] as string),
    leftOut: withUnreadable(leftOut, skipped),
  };
}

/** Every line of a file is a caption, blank ones among them, so that row i is line i. */
async function readCaptions(path: string): Promise<string[]> {
  const lines = await allLines(path);
  if (lines.some((line) => line.trim() !== "")) return lines;
  throw new ClipError("bad-data", `${path} is empty; expected one caption a line.`);
}

function* jsonLines({ features, inputs }: Embedded): Generator<Uint8Array> {
  const { values, dim } = features;
  for (const [row, input] of inputs.entries()) {
    const embedding = Array.from(values.subarray(row * dim, (row + 1) * dim));
    yield Buffer.from(`${JSON.stringify({ input, embedding })}\n`);
  }
}

/** Where the inputs behind the rows of a NumPy file are listed. */
function listingOf(output: string): string {
  return output.replace(/\.npy$/, ".txt");
}

async function write(embedded: Embedded, output: string): Promise<void> {
  const { features, inputs } = embedded;
  if (extname(output) === ".jsonl") {
    await writeOutput(output, jsonLines(embedded));
  } else {
    await writeOutput(output, npyChunks(features));
    await writeOutput(listingOf(output), `${inputs.join("\n")}\n`);
  }
  note(`wrote [${features.rows}, ${features.dim}] to ${output}`);
  noteLeftOut(embedded.leftOut ?? []);
}

function checkUsage({ positionals, text }: Arguments): { output: string; texts?: string } {
  const output = text("output") as string;
  const texts = text("texts");
  if (![".npy", ".jsonl"].includes(extname(output))) {
    throw new UsageError(`--output ${output}: expected a name that ends in .npy or .jsonl.`);
  }
  if ((texts === undefined) === positionals.length < 2) {
    throw new UsageError("embed takes either images or --texts FILE. See clip-ts embed --help.");
  }
  if (texts !== undefined && resolve(texts) === resolve(listingOf(output))) {
    throw new UsageError(`The list of inputs, ${texts}, would overwrite the captions: rename OUT.`);
  }
  return { output, ...(texts === undefined ? {} : { texts }) };
}

/** clip-ts embed */
export const embedCommand: Command = {
  name: "embed",
  words: "MODEL [IMAGE|FOLDER...]",
  needs: 1,
  summary: "write the features of images or captions as .npy or .jsonl",
  details:
    "Rows have length 1: a dot product of two is their cosine. Beside OUT.npy, float32 " +
    "[inputs, dim], OUT.txt lists the inputs in the order of the rows; OUT.jsonl holds " +
    '{"input", "embedding"} a line. A folder stands for the images below it, links followed. ' +
    "Unreadable images are left out; whatever is, is counted and listed at the end.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "OUT",
      required: true,
      help: "file to write; its ending chooses the format",
    },
    texts: {
      type: "string",
      value: "FILE",
      help: "captions instead of images, one a line, blank lines too; - reads stdin",
    },
    "max-skipped": maxSkippedOption,
    exif: exifOption,
    "image-size": imageSizeOption,
    ...engineOptions,
  },
  async run(args) {
    const { output, texts } = checkUsage(args);
    const embed = async (given: readonly string[] | FoundImages): Promise<void> =>
      withModel(
        args,
        async (model) => {
          const embedded =
            "images" in given
              ? await embedFiles(model, given, args)
              : { features: await model.clip.embedTexts(given), inputs: given };
          await write(embedded, output);
        },
        { readsTexts: texts !== undefined },
      );
    await embed(
      texts === undefined ? await listImages(args.positionals.slice(1)) : await readCaptions(texts),
    );
  },
};
