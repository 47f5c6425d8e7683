import { ClipError } from "@clip-ts/base";
import type { LeftOut } from "@clip-ts/data";
import type { FeatureRows } from "@clip-ts/model";
import { listImages, npyChunks, shardKindOf } from "@clip-ts/node";
import { UsageError, type Arguments } from "../../cli/command.ts";
import { allLines } from "../../cli/lines.ts";
import { nameOfOutput, note } from "../../cli/output.ts";
import { embedImageFiles } from "../shared/images.ts";
import { noteLeftOut } from "../shared/left-out.ts";
import { withModel } from "../shared/open-model.ts";
import { writeOutput } from "../shared/output-files.ts";
import { listingOf, type FileRequest } from "./request.ts";

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

async function write(embedded: Embedded, { output, format }: FileRequest): Promise<void> {
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

/** @throws UsageError for shards, whose features do not go into one file. */
function refuseShards(words: readonly string[]): void {
  const shards = words.find((word) => shardKindOf(word) !== undefined);
  if (shards === undefined) return;
  throw new UsageError(`${shards} holds many images: give a folder for their features, -o OUTDIR/.`);
}

/** Embeds images or captions and writes all their features at the end. */
export async function embedFiles(args: Arguments, request: FileRequest): Promise<void> {
  if (request.texts === undefined) {
    refuseShards(args.positionals.slice(1));
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
