import { ClipError } from "@clip-ts/base";
import { decodeAsPillow, type Pixels } from "@clip-ts/image";
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

function isOpaque(data: Uint8ClampedArray): boolean {
  for (let alpha = 3; alpha < data.length; alpha += 4) {
    if (data[alpha] !== 255) return false;
  }
  return true;
}

/** Pixels that are read before the page's event loop runs. */
const pixelsAtATime = 2 ** 22;

/** Pixels, and whether none of them is transparent. */
interface Read {
  readonly pixels: Pixels;
  readonly isOpaque: boolean;
}

/**
 * Reads a bitmap through a canvas, which keeps colours multiplied by alpha: exact where opaque. A
 * large one in bands of rows, between which the page's event loop runs.
 */
async function readOpaque(bitmap: ImageBitmap): Promise<Read> {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.ceil(pixelsAtATime / width));
  const context = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new ClipError("unsupported", "This browser has no 2D canvas.");
  const data = new Uint8Array(width * height * 4);
  let opaque = true;
  for (let top = 0; top < height; top += rows) {
    if (top > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -top);
    const band = context.getImageData(0, 0, width, Math.min(rows, height - top)).data;
    data.set(band, top * width * 4);
    opaque &&= isOpaque(band);
  }
  return { pixels: { data, width, height, channels: 4 }, isOpaque: opaque };
}

/** What reading bitmaps through WebGL needs, made once: browsers allow few contexts. */
interface Reader {
  readonly gl: WebGL2RenderingContext;
  readonly largest: number;
}

let reader: Reader | undefined;

/** A context with one texture that is also the frame buffer to read from. */
function createReader(): Reader | undefined {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (gl === null) return undefined;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  return { gl, largest: Number(gl.getParameter(gl.MAX_TEXTURE_SIZE)) };
}

function usableReader(): Reader | undefined {
  if (reader === undefined || reader.gl.isContextLost()) reader = createReader();
  return reader;
}

/**
 * The exact bytes of a bitmap with alpha: WebGL hands them back as they were decoded, where a 2D canvas
 * rounds every colour to what is left after multiplying by alpha. Undefined if the browser has no WebGL
 * or the image is larger than its textures.
 */
function readTranslucent(bitmap: ImageBitmap): Pixels | undefined {
  const { width, height } = bitmap;
  const usable = usableReader();
  if (usable === undefined || Math.max(width, height) > usable.largest) return undefined;
  const { gl } = usable;
  const data = new Uint8Array(width * height * 4);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  return gl.getError() === gl.NO_ERROR ? { data, width, height, channels: 4 } : undefined;
}

async function readBitmap(source: ImageBitmapSource, isExact = false): Promise<Pixels> {
  const bitmap = await createImageBitmap(source, asStored);
  try {
    const read = await readOpaque(bitmap);
    if (read.isOpaque) return read.pixels;
    const exact = readTranslucent(bitmap);
    if (exact === undefined && isExact) {
      throw new ClipError(
        "unsupported",
        "its 16-bit samples need WebGL textures of the image's size, which this browser does not have",
      );
    }
    return exact ?? read.pixels;
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
    decode: (part, isExact) => readBitmap(new Blob([part as Uint8Array<ArrayBuffer>]), isExact),
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
export async function decodeImage(source: ImageSource, options: DecodeOptions = {}): Promise<Pixels> {
  if (isPixels(source)) return source;
  if (isImageData(source)) return fromImageData(source);
  try {
    if (source instanceof Blob) return await readFile(source, options.honourExif ?? false);
    return await readBitmap(source);
  } catch (cause) {
    throw refusal(source, cause);
  }
}
