import type { Arguments, Command } from "../cli/command.ts";
import { exifOption, imageSizeOption } from "../cli/options.ts";
import { nameOfOutput, note, onNotice } from "../cli/output.ts";

async function run(args: Arguments): Promise<void> {
  const { atResolution } = await import("@clip-ts/inference");
  const { listImages, openModel } = await import("@clip-ts/node");
  const { inputShape, isPatches, joinInputs } = await import("@clip-ts/image");
  const { fromFloat32 } = await import("@clip-ts/weights");
  const { patchTensors } = await import("./shared/patch-tensors.ts");
  const { readImage } = await import("./shared/images.ts");
  const { noteLeftOut } = await import("./shared/left-out.ts");
  const { imageSizeOf } = await import("./shared/open-model.ts");
  const { writeTensors } = await import("./shared/output-files.ts");
  const { positionals, text, flag } = args;
  const [model = "", ...inputs] = positionals;
  const opened = atResolution(await openModel(model, { onNotice }), imageSizeOf(args));
  const { preprocess } = opened;
  const { images: paths, leftOut } = await listImages(inputs);
  const images: Float32Array[] = [];
  for (const path of paths) images.push(await readImage(path, opened, flag("exif")));
  const output = text("output") as string;
  const [, ...sides] = inputShape(preprocess, paths.length);
  const tensors = isPatches(preprocess)
    ? patchTensors(images, preprocess)
    : { pixel_values: fromFloat32(joinInputs(images), [paths.length, ...sides]) };
  const { shape } = tensors.pixel_values;
  await writeTensors(output, tensors);
  note(`wrote pixel_values [${shape.join(", ")}] to ${nameOfOutput(output)}`);
  noteLeftOut(leftOut);
}

/** clip-ts preprocess */
export const preprocessCommand: Command = {
  name: "preprocess",
  words: "MODEL IMAGE|FOLDER|URL...",
  needs: 2,
  summary: "write images exactly as the model sees them",
  details:
    "The file holds pixel_values [images, 3, height, width] in the order of the words, of a NaFlex model patches with " +
    "pixel_attention_mask and spatial_shapes as transformers has them; a " +
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
  run,
};
