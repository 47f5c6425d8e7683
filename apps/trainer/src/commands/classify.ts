import type { Command } from "../cli/command.ts";
import { engineOptions, exifOption, imageSizeOption, maxSkippedOption } from "../cli/options.ts";
import { labelsGiven, templatesGiven } from "./support/classify-options.ts";
import { maxSkippedOf } from "./support/max-skipped.ts";

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
    ...engineOptions,
  },
  check: (args) => {
    labelsGiven(args);
    templatesGiven(args);
    maxSkippedOf(args);
  },
  run: async (args) => (await import("./run/classify.ts")).run(args),
};
