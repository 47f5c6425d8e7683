import type { Command } from "../cli/command.ts";
import { engineOptions, exifOption, imageSizeOption, maxSkippedOption } from "../cli/options.ts";
import { embedPlan } from "./support/embed-options.ts";
import { maxSkippedOf } from "./support/max-skipped.ts";

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
    embedPlan(args);
    maxSkippedOf(args);
  },
  run: async (args) => (await import("./run/embed.ts")).run(args),
};
