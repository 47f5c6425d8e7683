import { inPieces, runYielding, type Yielding } from "@clip-ts/base";
import { isBmp } from "./formats/bmp-head.ts";
import { decodeBmp } from "./formats/bmp.ts";
import { firstFrame, isGif, layFrame } from "./formats/gif.ts";
import { isPng, plainPng, type Checksum } from "./formats/png.ts";
import { decodePpm, isPpm } from "./formats/ppm.ts";
import { refuse } from "./formats/shared.ts";
import type { Pixels } from "./pixels.ts";

/**
 * The endings of image files that `decodeImage` reads, in lower case, each with its dot. Only for
 * finding files in folders: what a file holds is told by its first bytes, never by its name.
 */
export const imageExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".apng",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
  ".bmp",
  ".dib",
  ".ppm",
  ".pgm",
  ".pbm",
  ".pnm",
];

/** What a platform brings for decoding. */
export interface PlatformDecoder {
  /**
   * Decodes a file to grey, colours, or colours and alpha; of an animation the first frame. If `isExact`,
   * what cannot be had to the byte under alpha is an error.
   */
  decode(file: Uint8Array, isExact?: boolean): Promise<Pixels>;
  /**
   * The number of bytes that a zlib stream in pieces makes before it ends or breaks. For platforms
   * that leave blank what is missing of a PNG.
   */
  inflatedLength?(pieces: readonly Uint8Array[]): Promise<number>;
  /** The CRC-32 of bytes, where the platform has a fast one. */
  readonly checksum?: Checksum;
}

/** Joins the bytes of samples that were decoded as grey and alpha. */
function* joinSamples({ data, width, height, channels }: Pixels): Yielding<Pixels> {
  const samples = new Uint8Array(width * height * 2);
  yield* inPieces(width * height, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) {
      samples[2 * pixel] = data[(pixel + 1) * channels - 1]!;
      samples[2 * pixel + 1] = data[pixel * channels]!;
    }
  });
  return { data: samples, width, height, channels: 1, mode: "I;16" };
}

async function decodePng(bytes: Uint8Array, platform: PlatformDecoder): Promise<Pixels> {
  const { file, mode, compressed, rawLength, palette } = await runYielding(plainPng(bytes, platform.checksum));
  const length = (await platform.inflatedLength?.(compressed)) ?? rawLength;
  if (length < rawLength) refuse(`the image file is truncated: ${length} of ${rawLength} bytes`);
  const pixels = await platform.decode(file, mode === "I;16");
  if (mode === "I;16") return runYielding(joinSamples(pixels));
  return mode === undefined ? pixels : { ...pixels, mode, ...(palette !== undefined && { palette }) };
}

async function decodeGif(bytes: Uint8Array, platform: PlatformDecoder): Promise<Pixels> {
  const frame = firstFrame(bytes);
  await runYielding(frame.check());
  const colors = await platform.decode(await runYielding(frame.file()));
  const masked = await runYielding(frame.mask());
  const mask = masked === undefined ? undefined : await platform.decode(masked);
  return runYielding(layFrame(frame, colors, mask));
}

/**
 * Decodes an image file to the pixels and the mode that Pillow gives it. The platform decodes what is
 * compressed; PNG and GIF reach it without what it understands otherwise than Pillow (transparent
 * colours, checksums, canvases), BMP and PPM not at all. Files are told by their first bytes.
 * @throws ClipError "bad-data", or what the platform throws, for a file that cannot be read.
 */
export async function decodeAsPillow(bytes: Uint8Array, platform: PlatformDecoder): Promise<Pixels> {
  if (isPng(bytes)) return decodePng(bytes, platform);
  if (isGif(bytes)) return decodeGif(bytes, platform);
  if (isPpm(bytes)) return runYielding(decodePpm(bytes));
  if (isBmp(bytes)) return runYielding(decodeBmp(bytes));
  return platform.decode(bytes);
}
