import { ClipError } from "@clip-ts/base";
import type { LeftOut } from "@clip-ts/data";
import type { FeatureRows } from "@clip-ts/model";
import { listImages, npyChunks } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { allLines } from "../../cli/lines.ts";
import { nameOfOutput, note } from "../../cli/output.ts";
import { embedPlan, listingOf, type EmbedPlan } from "../support/embed-options.ts";
import { embedImageFiles } from "../support/images.ts";
import { noteLeftOut } from "../support/left-out.ts";
import { withModel } from "../support/open-model.ts";
import { writeOutput } from "../support/tensor-files.ts";

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

async function write(embedded: Embedded, { output, format }: EmbedPlan): Promise<void> {
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

/** clip-ts embed */
export async function run(args: Arguments): Promise<void> {
  const plan = embedPlan(args);
  if (plan.texts === undefined) {
    const found = await listImages(args.positionals.slice(1));
    return withModel(
      args,
      async (model) => write(await embedImageFiles(model, found, { label: "embed", args }), plan),
      { readsTexts: false },
    );
  }
  const inputs = await readCaptions(plan.texts);
  return withModel(args, async ({ clip }) =>
    write({ features: await clip.embedTexts(inputs), inputs }, plan),
  );
}
