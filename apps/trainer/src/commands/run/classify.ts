import { statSync } from "node:fs";
import { defaultTemplates, embedLabels, rankLabels, type Classification } from "@clip-ts/model";
import { listImages } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { listedIn } from "../../cli/lines.ts";
import { countOption } from "../../cli/number-option.ts";
import { note, print } from "../../cli/output.ts";
import { percent, table } from "../../cli/table.ts";
import { labelsGiven, templatesGiven } from "../support/classify-options.ts";
import { embedImageFiles } from "../support/images.ts";
import { noteLeftOut } from "../support/left-out.ts";
import { withModel } from "../support/open-model.ts";
import { writeResults } from "../support/write-results.ts";

/** An image and its labels, from most to least likely. */
interface ClassifiedImage {
  readonly image: string;
  readonly labels: readonly Classification[];
}

/** The labels themselves. A file that is called like the one word given is pointed out. */
async function readLabels(args: Arguments): Promise<readonly string[]> {
  const given = labelsGiven(args);
  if ("file" in given) return listedIn(given.file);
  const [word = ""] = given.labels;
  if (given.labels.length === 1 && isFile(word)) {
    note(`--labels ${word} is the word; for the file of that name write @${word}`);
  }
  return given.labels;
}

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** One image's labels as a table; of several, under each image's name. */
function show(images: readonly ClassifiedImage[], wereSeveral: boolean): string {
  const tables = images.map(({ image, labels }) => {
    const rows = labels.map(({ label, probability }) => [label, percent(probability)]);
    return wereSeveral ? `${image}\n${table(rows)}` : table(rows);
  });
  return tables.join("\n\n");
}

/** clip-ts classify */
export async function run(args: Arguments): Promise<void> {
  const labels = await readLabels(args);
  const { templates = defaultTemplates } = templatesGiven(args);
  const top = countOption(args, "top");
  const found = await listImages(args.positionals.slice(1));
  await withModel(args, async (model) => {
    const embedded = await embedImageFiles(model, found, { label: "classify", args });
    const rows = await embedLabels(model.clip, labels, templates);
    const images = embedded.inputs.map((image, row) => ({
      image,
      labels: rankLabels(embedded.features, row, { labels, rows }, model.clip).slice(0, top),
    }));
    const { skipped, leftOut } = embedded;
    await writeResults(args, model, { images, skipped, leftOut });
    print(show(images, found.images.length > 1));
    noteLeftOut(leftOut);
  });
}
