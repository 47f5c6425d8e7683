import { randomStream, type RandomStream } from "@clip-ts/base";
import {
  drawAugmentPart,
  finishAugmentBytes,
  fitPart,
  isPatches,
  mostPixels,
  writePlanes,
  type FittedPart,
  type Pixels,
  type PreprocessConfig,
  type Rectangle,
  type ResizePart,
} from "@clip-ts/image";
import type { RandomPath } from "@clip-ts/data";
import sharp, { type Sharp } from "sharp";
import { readJpegHead, type JpegHead } from "../jpeg-head.ts";
import type { PictureSettings } from "./planes.ts";

/** From here on libvips leaves out a half of a JPEG's rows and columns, or more, while it decodes. */
const shrinksOnLoad = 3;

/** From here on cutting and resizing in libvips takes less time than handing over all pixels of the picture. */
const leastShrink = 1.8;

/** libvips' filters for Pillow's; the others it lacks. */
const kernels = { bicubic: "cubic", bilinear: "linear", lanczos: "lanczos3" } as const;

type Shrinkable = keyof typeof kernels;

/** Whether libvips has the filter, and the part fills the picture. */
const isShrinkable = ({ interpolation, frame }: FittedPart): boolean => frame === undefined && interpolation in kernels;

/** How many of the picture's pixels become one of the part's, along the axis where they are fewer. */
function shrinkOf({ width, height }: JpegHead, part: ResizePart): number {
  const area = part.area ?? { width, height };
  return Math.min(area.width / part.width, area.height / part.height);
}

/** The part cut out and resized, which libvips does row by row as it decodes. */
function cutThenResized(image: Sharp, area: Rectangle, { width, height, interpolation }: ResizePart): Sharp {
  return image
    .extract({ ...area })
    .resize({ width, height, fit: "fill", kernel: kernels[interpolation as Shrinkable] });
}

/**
 * The part at its new size. The whole picture is resized and then cut, to whole pixels of the result: only so
 * does sharp let libvips decode at a fraction.
 */
function resizedPart(image: Sharp, { width, height }: JpegHead, part: ResizePart): Sharp {
  const { area = { left: 0, top: 0, width, height } } = part;
  const [across, down] = [part.width / area.width, part.height / area.height];
  const whole = { width: Math.round(width * across), height: Math.round(height * down) };
  const crop = part.crop ?? { left: 0, top: 0, width: part.width, height: part.height };
  const left = Math.min(Math.round(area.left * across) + crop.left, whole.width - crop.width);
  const top = Math.min(Math.round(area.top * down) + crop.top, whole.height - crop.height);
  const kernel = kernels[part.interpolation as Shrinkable];
  const resized = image.resize({ ...whole, fit: "fill", kernel });
  return resized.extract({ left, top, width: crop.width, height: crop.height });
}

async function readPixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height, channels: 3 };
}

/** Settings of pictures that become planes, and not of random views. */
type PlaneSettings = PictureSettings & { readonly preprocess: PreprocessConfig };

const makesPlanes = (settings: PictureSettings): settings is PlaneSettings =>
  settings.view === undefined && !isPatches(settings.preprocess);

/** The part of the picture that is wanted; the first that is drawn. */
function partOf(head: JpegHead, { preprocess, augment }: PlaneSettings, random: RandomStream): FittedPart {
  if (augment === undefined) return fitPart(head, preprocess);
  return drawAugmentPart(head, { ...augment, ...preprocess }, random);
}

/** Whether the file's pixels are the picture's: no inks, nothing to turn, not too many. */
function isPlain({ components, width, height, hasExif }: JpegHead, { honourExif }: PictureSettings): boolean {
  return components !== 4 && width * height <= mostPixels && !(honourExif && hasExif);
}

/**
 * A large JPEG of grey or colours as planes [3, height, width] into `target`, cut and resized by libvips, and decoded at a
 * fraction of its size where it becomes three times smaller or more: near what Pillow makes of it, in less time. The crop, mirror and colours are those of `augment`
 * for the same `path`. False, and nothing done, for other files and where little is to be gained.
 * @throws what sharp throws for a file that is damaged.
 */
export async function writeShrunk(
  bytes: Uint8Array,
  settings: PictureSettings,
  path: RandomPath,
  target: Uint8ClampedArray,
): Promise<boolean> {
  if (!makesPlanes(settings)) return false;
  const head = readJpegHead(bytes);
  if (head === undefined || !isPlain(head, settings)) return false;
  const random = randomStream(settings.seed, ...path);
  const part = partOf(head, settings, random);
  const shrink = shrinkOf(head, part);
  if (shrink < leastShrink || !isShrinkable(part)) return false;
  const image = sharp(bytes, { ignoreIcc: true, failOn: "error", limitInputPixels: mostPixels });
  const { area } = part;
  const isCut = area !== undefined && part.crop === undefined && shrink < shrinksOnLoad;
  const pixels = await readPixels(isCut ? cutThenResized(image, area, part) : resizedPart(image, head, part));
  const { augment } = settings;
  if (augment === undefined) writePlanes(pixels, target);
  else finishAugmentBytes(pixels, { preprocess: settings.preprocess, augment }, random, target);
  return true;
}
