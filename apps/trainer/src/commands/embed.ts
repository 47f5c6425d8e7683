import { extname, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { LeftOut } from "@clip-ts/data";
import type { FeatureRows } from "@clip-ts/model";
import { UsageError, type Arguments, type Command } from "../cli/command.ts";
import { allLines } from "../cli/lines.ts";
import { engineOptions, exifOption, imageSizeOption, maxSkippedOf, maxSkippedOption } from "../cli/options.ts";
import { nameOfOutput, note } from "../cli/output.ts";

/** What `embed` reads and writes. */
interface EmbedRequest {
  /** "-" is stdout. */
  readonly output: string;
  readonly format: "npy" | "jsonl";
  /** File of captions, if they are embedded. */
  readonly texts?: string;
}

/** Where the inputs behind the rows of a NumPy file are listed. */
function listingOf(output: string): string {
  return output.replace(/\.npy$/, ".txt");
}

/** Reads the options of `embed`. @throws UsageError for what makes no sense together. */
function embedRequest({ positionals, text }: Arguments): EmbedRequest {
  const output = text("output") as string;
  const texts = text("texts");
  const ending = output === "-" ? ".jsonl" : extname(output);
  if (ending !== ".npy" && ending !== ".jsonl") {
    throw new UsageError(
      `--output ${output}: expected a name that ends in .npy or .jsonl, or - for JSON lines on stdout.`,
    );
  }
  if ((texts === undefined) === positionals.length < 2) {
    throw new UsageError("embed takes either images or --texts FILE. See clip-ts embed --help.");
  }
  if (texts !== undefined && ending === ".npy" && resolve(texts) === resolve(listingOf(output))) {
    throw new UsageError(`The list of inputs, ${texts}, would overwrite the captions: rename OUT.`);
  }
  const format = ending === ".npy" ? "npy" : "jsonl";
  return { output, format, ...(texts === undefined ? {} : { texts }) };
}

/** Features and the input behind each row. */
interface Embedded {
  readonly features: FeatureRows;
  readonly inputs: readonly string[];
  readonly leftOut?: readonly LeftOut[];
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

async function write(embedded: Embedded, { output, format }: EmbedRequest): Promise<void> {
  const { npyChunks } = await import("@clip-ts/node");
  const { noteLeftOut } = await import("./shared/left-out.ts");
  const { writeOutput } = await import("./shared/output-files.ts");
  const { features, inputs } = embedded;
  if (format === "jsonl") {
    await writeOutput(output, jsonLines(embedded));
  } else {
    await writeOutput(output, npyChunks(features));
    await writeOutput(listingOf(output), `${inputs.join("\n")}\n`);
  }
  note(`wrote [${features.rows}, ${features.dim}] to ${nameOfOutput(output)}`);
  noteLeftOut(embedded.leftOut ?? []);
}

async function run(args: Arguments): Promise<void> {
  const { listImages } = await import("@clip-ts/node");
  const { embedImageFiles } = await import("./shared/images.ts");
  const { withModel } = await import("./shared/open-model.ts");
  const request = embedRequest(args);
  if (request.texts === undefined) {
    const found = await listImages(args.positionals.slice(1));
    return withModel(
      args,
      async (model) => write(await embedImageFiles(model, found, { label: "embed", args }), request),
      { readsTexts: false },
    );
  }
  const inputs = await readCaptions(request.texts);
  return withModel(args, async ({ clip }) => write({ features: await clip.embedTexts(inputs), inputs }, request));
}

/** clip-ts embed */
export const embedCommand: Command = {
  name: "embed",
  words: "MODEL [IMAGE|FOLDER|URL...]",
  needs: 1,
  summary: "write the features of images or captions as .npy or .jsonl",
  details:
    "Rows have length 1: a dot product of two is their cosine. Beside OUT.npy, float32 " +
    "[inputs, dim], OUT.txt lists the inputs in the order of the rows; OUT.jsonl holds " +
    '{"input", "embedding"} a line. A folder stands for the images below it, links followed; http and https addresses are fetched. ' +
    "Unreadable images are left out; whatever is, is counted and listed at the end.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "OUT",
      required: true,
      writes: true,
      help: "file to write; its ending chooses the format; - is stdout, as .jsonl",
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
  check: (args) => {
    embedRequest(args);
    maxSkippedOf(args);
  },
  run,
};
