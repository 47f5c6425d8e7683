import { describeModel, factsAtResolution, listImages } from "@clip-ts/node";
import { fromFloat32 } from "@clip-ts/weights";
import { onNotice } from "../cli/notice.ts";
import type { Command } from "../cli/command.ts";
import { note } from "../cli/output.ts";
import { imageSizeOf, imageSizeOption } from "./support/image-size.ts";
import { exifOption, readImage } from "./support/images.ts";
import { noteLeftOut } from "./support/left-out.ts";
import { writeTensors } from "./support/tensor-files.ts";

/** clip-ts preprocess */
export const preprocessCommand: Command = {
  name: "preprocess",
  words: "MODEL IMAGE...",
  needs: 2,
  summary: "write images exactly as the model sees them",
  details:
    "The file holds pixel_values [images, 3, size, size] in the order of the words; a " +
    "folder stands for its images by name. An unreadable image is an error here.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      required: true,
      help: "safetensors file to write",
    },
    exif: exifOption,
    "image-size": { ...imageSizeOption, help: "for the model opened at another image size" },
  },
  async run(args) {
    const { positionals, text, flag } = args;
    const [model = "", ...inputs] = positionals;
    const description = factsAtResolution(
      await describeModel(model, { onNotice }),
      imageSizeOf(args),
    );
    const { size } = description.preprocess;
    const { images: paths, leftOut } = await listImages(inputs);
    const planes = 3 * size * size;
    const values = new Float32Array(paths.length * planes);
    for (const [index, path] of paths.entries()) {
      values.set(await readImage(path, description, flag("exif")), index * planes);
    }
    const output = text("output") as string;
    const shape = [paths.length, 3, size, size];
    await writeTensors(output, { pixel_values: fromFloat32(values, shape) });
    note(`wrote pixel_values [${shape.join(", ")}] to ${output}`);
    noteLeftOut(leftOut);
  },
};
