import { listImages } from "@clip-ts/node";
import { fromFloat32 } from "@clip-ts/weights";
import { openModel } from "@clip-ts/node";
import { atResolution } from "@clip-ts/inference";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { nameOfOutput, note } from "../../cli/output.ts";
import { imageSizeOf } from "../support/image-size.ts";
import { readImage } from "../support/images.ts";
import { noteLeftOut } from "../support/left-out.ts";
import { writeTensors } from "../support/tensor-files.ts";

/** clip-ts preprocess */
export async function run(args: Arguments): Promise<void> {
  const { positionals, text, flag } = args;
  const [model = "", ...inputs] = positionals;
  const opened = atResolution(await openModel(model, { onNotice }), imageSizeOf(args));
  const { size } = opened.preprocess;
  const { images: paths, leftOut } = await listImages(inputs);
  const planes = 3 * size * size;
  const values = new Float32Array(paths.length * planes);
  for (const [index, path] of paths.entries()) {
    values.set(await readImage(path, opened, flag("exif")), index * planes);
  }
  const output = text("output") as string;
  const shape = [paths.length, 3, size, size];
  await writeTensors(output, { pixel_values: fromFloat32(values, shape) });
  note(`wrote pixel_values [${shape.join(", ")}] to ${nameOfOutput(output)}`);
  noteLeftOut(leftOut);
}
