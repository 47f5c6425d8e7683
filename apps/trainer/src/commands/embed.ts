import { extname, resolve } from "node:path";
import { embedReadable, type FeatureRows } from "@clip-ts/model";
import { listImages, npyChunks } from "@clip-ts/node";
import { type Arguments, type Command, engineOptions } from "../cli/command.ts";
import { listedIn } from "../cli/lines.ts";
import { counter, note } from "../cli/output.ts";
import { UsageError } from "../cli/usage-error.ts";
import { exifOption, imageJobs, noteSkipped } from "./support/images.ts";
import { imageSizeOption } from "./support/image-size.ts";
import { type OpenModel, withModel } from "./support/open-model.ts";
import { writeOutput } from "./support/tensor-files.ts";

/** Features and the input behind each row. */
interface Embedded {
  readonly features: FeatureRows;
  readonly inputs: readonly string[];
}

async function embedFiles(
  { clip, description }: OpenModel,
  paths: readonly string[],
  honourExif: boolean,
): Promise<Embedded> {
  const jobs = imageJobs(paths, description, honourExif);
  const onProgress = counter("images", jobs.length);
  const { features, kept, skipped } = await embedReadable(clip, jobs, { onProgress });
  noteSkipped(skipped);
  return { features, inputs: kept.map((index) => paths[index] as string) };
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
    '{"input", "embedding"} a line. Unreadable images are left out, counted and listed.',
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
      help: "captions instead of images, one a line; - reads stdin",
    },
    exif: exifOption,
    "image-size": imageSizeOption,
    ...engineOptions,
  },
  async run(args) {
    const { output, texts } = checkUsage(args);
    const inputs =
      texts === undefined ? await listImages(args.positionals.slice(1)) : await listedIn(texts);
    const embed = async (model: OpenModel): Promise<void> => {
      const embedded =
        texts === undefined
          ? await embedFiles(model, inputs, args.flag("exif"))
          : { features: await model.clip.embedTexts(inputs), inputs };
      await write(embedded, output);
    };
    await withModel(args, embed, { readsTexts: texts !== undefined });
  },
};
