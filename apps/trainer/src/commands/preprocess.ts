import type { Command } from "../cli/command.ts";
import { exifOption, imageSizeOption } from "../cli/options.ts";

/** clip-ts preprocess */
export const preprocessCommand: Command = {
  name: "preprocess",
  words: "MODEL IMAGE|FOLDER|URL...",
  needs: 2,
  summary: "write images exactly as the model sees them",
  details:
    "The file holds pixel_values [images, 3, size, size] in the order of the words; a " +
    "folder stands for its images by name; http and https addresses are fetched. An unreadable image is an error here.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      required: true,
      writes: true,
      help: "safetensors file to write; - is stdout",
    },
    exif: exifOption,
    "image-size": { ...imageSizeOption, help: "for the model opened at another image size" },
  },
  run: async (args) => (await import("./run/preprocess.ts")).run(args),
};
