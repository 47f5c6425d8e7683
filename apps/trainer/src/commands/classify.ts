import { existsSync } from "node:fs";
import { extname } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { Arguments, Command } from "../cli/command.ts";
import { engineOptions } from "../cli/command.ts";
import { listedIn } from "../cli/lines.ts";
import { countOption } from "../cli/number-option.ts";
import { print } from "../cli/output.ts";
import { percent, table } from "../cli/table.ts";
import { UsageError } from "../cli/usage-error.ts";
import { exifOption, readImage } from "./support/images.ts";
import { imageSizeOption } from "./support/image-size.ts";
import { withModel } from "./support/open-model.ts";

/** Labels from the word itself or from the file that it names. */
async function readLabels(word: string): Promise<string[]> {
  if (existsSync(word)) return listedIn(word);
  if (extname(word) === ".txt") throw new ClipError("not-found", `There is no file ${word}.`);
  const labels = word.split(",").map((label) => label.trim());
  const given = [...new Set(labels)].filter((label) => label !== "");
  if (given.length > 0) return given;
  throw new UsageError("--labels is empty; expected words such as cat,dog or a file.");
}

/** `{ templates }` if any were given, else nothing. */
function chosenTemplates({ texts }: Arguments): { readonly templates?: readonly string[] } {
  const templates = texts("template");
  const faulty = templates.find((template) => !template.includes("{}"));
  if (faulty !== undefined) {
    throw new UsageError(`--template "${faulty}" needs {} where the label goes.`);
  }
  return templates.length === 0 ? {} : { templates };
}

/** clip-ts classify */
export const classifyCommand: Command = {
  name: "classify",
  words: "MODEL IMAGE",
  needs: 2,
  summary: "rank labels by how well they describe an image",
  details:
    'Each label is put into the templates (by default "a photo of a {}."); several\n ' +
    "templates are averaged. The percentages are shares among the labels given.",
  options: {
    labels: {
      type: "string",
      value: "A,B,C|FILE",
      required: true,
      help: "labels between commas, or a file with one a line",
    },
    template: {
      type: "string",
      multiple: true,
      value: "TEXT",
      help: "a sentence with {} for the label; may be repeated",
    },
    top: { type: "string", value: "N", help: "print only the N best" },
    exif: exifOption,
    "image-size": imageSizeOption,
    ...engineOptions,
  },
  async run(args) {
    const labels = await readLabels(args.text("labels") as string);
    const [templates, top] = [chosenTemplates(args), countOption(args, "top")];
    await withModel(args, async ({ clip, description }) => {
      const path = args.positionals[1] as string;
      const image = await readImage(path, description, args.flag("exif"));
      const ranking = (await clip.classify(image, labels, templates)).slice(0, top);
      const rows = ranking.map(({ label, probability }) => [label, percent(probability)]);
      print(table(rows));
    });
  },
};
