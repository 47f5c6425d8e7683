import type { PairSource } from "@clip-ts/data";
import type { CaptionedImage, ImageClass } from "@clip-ts/evaluation";
import { preprocessInTurns, type PreprocessConfig } from "@clip-ts/image";
import type { ListedClasses } from "../commands/support/class-folders.ts";
import { imageJobs } from "../commands/support/images.ts";

/** The first images of a dataset, all without a limit, as a model sees them when their turn comes. */
export function captionedImages(
  { records }: PairSource,
  preprocess: PreprocessConfig,
  limit?: number,
): CaptionedImage<Float32Array>[] {
  return records.slice(0, limit).map((record) => ({
    name: record.key,
    captions: record.captions,
    load: async () => preprocessInTurns(await record.loadImage(), preprocess),
  }));
}

/** The images of class folders, likewise. */
export function classImages(
  { classes }: Pick<ListedClasses, "classes">,
  preprocess: PreprocessConfig,
): ImageClass<Float32Array>[] {
  return classes.map(({ name, images }) => ({ name, images: imageJobs(images, { preprocess }) }));
}

/** How many images class folders hold. */
export const countImages = ({ classes }: Pick<ListedClasses, "classes">): number =>
  classes.reduce((sum, { images }) => sum + images.length, 0);
