import { ClipError } from "@clip-ts/base";
import { decodeAsPillow, type Pixels } from "@clip-ts/image";
import { readTranslucent } from "./read-translucent.ts";
import { withoutOrientation } from "./without-orientation.ts";

/** An image: a file, an element of the page, a canvas, a video frame, or pixels already decoded. */
export type ImageSource = ImageBitmapSource | Pixels;

/** How images become pixels. */
export interface DecodeOptions {
  /**
   * Turn photographs upright as their EXIF tag says. Off by default, as in the Python originals; it
   * can be off for JPEG and PNG files only: elements and other formats come as the browser shows them.
   */
  readonly honourExif?: boolean;
}

const asStored = {
  premultiplyAlpha: "none",
  colorSpaceConversion: "none",
} as const satisfies ImageBitmapOptions;

function isPixels(source: ImageSource): source is Pixels {
  return "channels" in source;
}

function isImageData(source: object): source is ImageData {
  return typeof ImageData !== "undefined" && source instanceof ImageData;
}

function fromImageData({ data, width, height }: ImageData): Pixels {
  return { data: Uint8Array.from(data), width, height, channels: 4 };
}

function isOpaque({ data }: Pixels): boolean {
  for (let alpha = 3; alpha < data.length; alpha += 4) {
    if (data[alpha] !== 255) return false;
  }
  return true;
}

/** Reads a bitmap through a canvas, which keeps colours multiplied by alpha: exact where opaque. */
function readOpaque(bitmap: ImageBitmap): Pixels {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new ClipError("unsupported", "This browser has no 2D canvas.");
  context.drawImage(bitmap, 0, 0);
  return fromImageData(context.getImageData(0, 0, width, height));
}

async function readBitmap(source: ImageBitmapSource): Promise<Pixels> {
  const bitmap = await createImageBitmap(source, asStored);
  try {
    const pixels = readOpaque(bitmap);
    return isOpaque(pixels) ? pixels : (readTranslucent(bitmap) ?? pixels);
  } finally {
    bitmap.close();
  }
}

/** Inflates a stream to nowhere: browsers show damaged PNG files as far as they can. */
async function inflatedLength(pieces: readonly Uint8Array[]): Promise<number> {
  const stream = new Blob(pieces as Uint8Array<ArrayBuffer>[]).stream();
  const reader = stream.pipeThrough(new DecompressionStream("deflate")).getReader();
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return length;
      length += value.length;
    }
  } catch {
    return length;
  }
}

/** Decodes a file: what its format says otherwise than Pillow reads it is settled before. */
async function readFile(file: Blob, honourExif: boolean): Promise<Pixels> {
  const stored = honourExif ? file : await withoutOrientation(file);
  const bytes = new Uint8Array(await stored.arrayBuffer());
  return decodeAsPillow(bytes, {
    decode: (part) => readBitmap(new Blob([part as Uint8Array<ArrayBuffer>])),
    inflatedLength,
  });
}

function refusal(source: ImageBitmapSource, cause: unknown): ClipError {
  const name = source instanceof Blob && "name" in source ? String(source.name) : "The source";
  const reason = cause instanceof ClipError ? `: ${cause.message}` : ".";
  const message = `${name} is not an image that this browser can read${reason}`;
  return new ClipError("bad-data", message, { cause });
}

/**
 * Decodes an image to red, green, blue and alpha bytes as they are stored: colour profiles are not
 * applied and alpha is not multiplied in. PNG, GIF, BMP and PPM files give the pixels and the mode that
 * they give in Node, which are Pillow's: a transparency that a file only names is no alpha. Pixels are
 * handed back as they are. Works in pages and workers.
 * @throws ClipError "bad-data" if the browser cannot read it, or Pillow would refuse it.
 */
export async function decodeImage(
  source: ImageSource,
  options: DecodeOptions = {},
): Promise<Pixels> {
  if (isPixels(source)) return source;
  if (isImageData(source)) return fromImageData(source);
  try {
    if (source instanceof Blob) return await readFile(source, options.honourExif ?? false);
    return await readBitmap(source);
  } catch (cause) {
    throw refusal(source, cause);
  }
}
