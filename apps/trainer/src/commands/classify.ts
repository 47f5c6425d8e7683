import { statSync } from "node:fs";
import type { Classification } from "@clip-ts/model";
import { UsageError, type Arguments, type Command } from "../cli/command.ts";
import { listedIn, namedFile } from "../cli/lines.ts";
import {
  countOption,
  dtypeOption,
  engineOptions,
  exifOption,
  imageSizeOption,
  languageOption,
  maxTokensOption,
  maxSkippedOf,
  maxSkippedOption,
  selfCheckOption,
} from "../cli/options.ts";
import { note, print } from "../cli/output.ts";
import { percent, table } from "../cli/text.ts";

/** What `--labels` gives: the words themselves, or the file that lists them. */
type GivenLabels = { readonly file: string } | { readonly labels: readonly string[] };

/** Reads `--labels`. @throws UsageError if it holds no word. */
function labelsGiven({ text }: Pick<Arguments, "text">): GivenLabels {
  const given = text("labels") ?? "";
  const file = namedFile(given);
  if (file !== undefined) return { file };
  const words = given.split(",").map((label) => label.trim());
  const labels = [...new Set(words)].filter((label) => label !== "");
  if (labels.length > 0) return { labels };
  throw new UsageError("--labels is empty; expected words such as cat,dog or @FILE.");
}

/** `{ templates }` if any were given, else nothing. @throws UsageError for one without a slot. */
function templatesGiven({ texts }: Pick<Arguments, "texts">): {
  readonly templates?: readonly string[];
} {
  const templates = texts("template");
  const faulty = templates.find((template) => !template.includes("{}"));
  if (faulty !== undefined) {
    throw new UsageError(`--template "${faulty}" needs {} where the label goes.`);
  }
  return templates.length === 0 ? {} : { templates };
}

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

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** One image's labels as a table; of several, under each image's name. */
function show(images: readonly ClassifiedImage[], wereSeveral: boolean): string {
  const tables = images.map(({ image, labels }) => {
    const rows = labels.map(({ label, probability }) => [label, percent(probability)]);
    return wereSeveral ? `${image}\n${table(rows)}` : table(rows);
  });
  return tables.join("\n\n");
}

async function run(args: Arguments): Promise<void> {
  const { defaultTemplates, embedLabels, rankLabels } = await import("@clip-ts/model");
  const { listImages } = await import("@clip-ts/node");
  const { embedImageFiles } = await import("./shared/images.ts");
  const { noteLeftOut } = await import("./shared/left-out.ts");
  const { withModel } = await import("./shared/open-model.ts");
  const { writeResults } = await import("./shared/output-files.ts");
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

/** clip-ts classify */
export const classifyCommand: Command = {
  name: "classify",
  words: "MODEL IMAGE|FOLDER|URL...",
  needs: 2,
  summary: "rank labels by how well they describe images",
  details:
    'Each label is put into the templates (by default "a photo of a {}."); several templates are ' +
    "averaged. The percentages are shares among the labels given. A folder stands for the images below it, " +
    "links followed; http and https addresses are fetched. Of several images, unreadable ones are left out, " +
    "counted and listed at the end. --json holds model, engine, images and what was left out; each of the " +
    "images has image and labels, and each of its labels label, score, probability and similarity: score is the " +
    "probability, under the name that transformers.js gives it, similarity the cosine.",
  options: {
    labels: {
      type: "string",
      value: "A,B,C|@FILE",
      required: true,
      help: "labels between commas, or a file with one a line: @FILE, a name that ends in .txt, or - for stdin",
    },
    template: {
      type: "string",
      multiple: true,
      value: "TEXT",
      help: "a sentence with {} for the label; may be repeated",
    },
    top: { type: "string", value: "N", number: "count", help: "only the N best of each image" },
    json: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "also write everything as JSON; - is stdout, and the tables go to stderr",
    },
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
    labelsGiven(args);
    templatesGiven(args);
    maxSkippedOf(args);
  },
  run,
};
