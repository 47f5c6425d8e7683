import type { FeatureRows } from "@clip-ts/core";
import type { LeftOut, PairSource } from "@clip-ts/data";
import type { CaptionedImage, ImageClass } from "@clip-ts/evaluation";
import { preprocessYielding, type Preprocessing } from "@clip-ts/image";
import type { ModelDescription } from "@clip-ts/inference";
import { embedReadable, type ImageJob, type SkippedJob } from "@clip-ts/model";
import { decodeImage, readImageBytes, type FoundImages } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { maxSkippedOf } from "../../cli/options.ts";
import { counter, note } from "../../cli/output.ts";
import type { ListedClasses } from "./class-folders.ts";
import { limitSkipped, withUnreadable } from "./left-out.ts";
import type { OpenModel } from "./open-model.ts";

/** An image file, or the image at an address, as the model sees it: [3, size, size] or its patches. @throws ClipError that names it. */
export async function readImage(
  path: string,
  { preprocess }: Pick<ModelDescription, "preprocess">,
  honourExif: boolean,
): Promise<Float32Array> {
  const bytes = await readImageBytes(path, { onNotice: note });
  return preprocessYielding(await decodeImage(bytes, path, { honourExif }), preprocess);
}

/** Image files that are read when their turn comes. */
function imageJobs(
  paths: readonly string[],
  description: Pick<ModelDescription, "preprocess">,
  honourExif = false,
): ImageJob<Float32Array>[] {
  return paths.map((path) => ({
    name: path,
    load: () => readImage(path, description, honourExif),
  }));
}

/** Features of images, and what stands behind each row. */
export interface EmbeddedImages {
  readonly features: FeatureRows;
  /** The file or address of each row. */
  readonly inputs: readonly string[];
  readonly skipped: readonly SkippedJob[];
  /** What listing left out, and what could not be read. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Embeds the images that words name: files, folders, addresses. Unreadable ones are left out.
 * @throws ClipError if none can be read, or more are left out than may be.
 */
export async function embedImageFiles(
  { clip, description }: OpenModel,
  { images, leftOut }: FoundImages,
  { label, args }: { readonly label: string; readonly args: Arguments },
): Promise<EmbeddedImages> {
  const jobs = imageJobs(images, description, args.flag("exif"));
  const onProgress = counter("images", jobs.length);
  const onSkip = limitSkipped(label, jobs.length, maxSkippedOf(args));
  const { features, kept, skipped } = await embedReadable(clip, jobs, { onProgress, onSkip });
  const inputs = kept.map((index) => images[index] as string);
  return { features, inputs, skipped, leftOut: withUnreadable(leftOut, skipped) };
}

/** The first images of a dataset, all without a limit, as a model sees them when their turn comes. */
export function captionedImages(
  { records }: PairSource,
  preprocess: Preprocessing,
  limit?: number,
): CaptionedImage<Float32Array>[] {
  return records.slice(0, limit).map((record) => ({
    name: record.key,
    captions: record.captions,
    load: async () => preprocessYielding(await record.loadImage(), preprocess),
  }));
}

/** The images of class folders, likewise. */
export function classImages(
  { classes }: Pick<ListedClasses, "classes">,
  preprocess: Preprocessing,
): (ImageClass<Float32Array> & { readonly images: readonly ImageJob<Float32Array>[] })[] {
  return classes.map(({ name, images }) => ({ name, images: imageJobs(images, { preprocess }) }));
}

/** How many images class folders hold. */
export const countImages = ({ classes }: Pick<ListedClasses, "classes">): number =>
  classes.reduce((sum, { images }) => sum + images.length, 0);
