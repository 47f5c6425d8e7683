import { ClipError } from "@clip-ts/base";
import { toRgb, type Pixels } from "@clip-ts/image";
import sharp, { type Sharp } from "sharp";
import { decodeImage } from "../decode-image.ts";
import { readImageHead } from "../image-head.ts";

/** Formats that images are written in. */
export const imageFormats = ["jpg", "png", "webp"] as const;

/** What becomes of images. */
export interface ImageForm {
  /** The shorter side of larger images; smaller ones are not enlarged. As they are by default. */
  readonly size?: number | undefined;
  /** By default that of the file where its bytes are kept; else PNG for PNG and for alpha, JPEG for all others. */
  readonly format?: (typeof imageFormats)[number] | undefined;
  /** Turn the image upright as its EXIF tag says; bytes that are kept are as they were, with their tag. */
  readonly honourExif?: boolean;
}

/** An image as it is written. */
export interface MadeImage {
  readonly bytes: Uint8Array;
  /** Without a dot. */
  readonly ending: string;
  readonly width: number;
  readonly height: number;
}

/** Of JPEG and WebP. */
const quality = 95;

function encoded(image: Sharp, format: (typeof imageFormats)[number]): Sharp {
  if (format === "png") return image.png();
  return format === "jpg" ? image.jpeg({ quality }) : image.webp({ quality });
}

/** Whether alpha is of the image itself, not a colour that the file names as transparent. */
const hasAlpha = ({ channels, mode }: Pixels): boolean => channels === 4 && mode === undefined;

async function remade(pixels: Pixels, { size }: ImageForm, ending: (typeof imageFormats)[number]): Promise<MadeImage> {
  const keepsAlpha = hasAlpha(pixels) && ending !== "jpg";
  const { data, width, height, channels } = keepsAlpha ? pixels : toRgb(pixels);
  const image = sharp(data, { raw: { width, height, channels } });
  if (size !== undefined && Math.min(width, height) > size) {
    image.resize(width < height ? { width: size } : { height: size });
  }
  const { data: bytes, info } = await encoded(image, ending).toBuffer({ resolveWithObject: true });
  return { bytes, ending, width: info.width, height: info.height };
}

/**
 * The image of a file as it is to be written: its own bytes where nothing is to change, else made smaller (Lanczos) and
 * compressed anew (JPEG and WebP at quality 95). It is decoded in any case, so what is made can be read.
 * @throws ClipError "bad-data" for what is no image, or damaged.
 */
export async function makeImage(bytes: Uint8Array, label: string, form: ImageForm): Promise<MadeImage> {
  const { honourExif = false } = form;
  const pixels = await decodeImage(bytes, label, { honourExif });
  const { width, height } = pixels;
  const head = readImageHead(bytes);
  if (head === undefined) throw new ClipError("bad-data", `${label} is of a format that is not known`);
  const { format: own } = head;
  const isLarge = form.size !== undefined && Math.min(width, height) > form.size;
  if (!isLarge && (form.format ?? own) === own) return { bytes, ending: own, width, height };
  return remade(pixels, form, form.format ?? (own === "png" || hasAlpha(pixels) ? "png" : "jpg"));
}

/** Pixels as the bytes of a PNG, from which the same ones are read again. */
export async function encodePng(pixels: Pixels): Promise<Uint8Array> {
  return (await remade(pixels, {}, "png")).bytes;
}
