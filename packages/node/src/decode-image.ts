import { crc32 } from "node:zlib";
import { ClipError } from "@clip-ts/base";
import {
  decodeAsPillow,
  isTiff,
  mostPixels,
  readTiffTags,
  type PixelMode,
  type Pixels,
  type TiffTags,
} from "@clip-ts/image";
import { readJpegHead } from "./jpeg-head.ts";
import sharp, { type Metadata, type Sharp } from "sharp";
import { decoderReason } from "./decoder-reason.ts";

/** Versions of the libraries that decode images. */
export function imageLibraryVersions(): { readonly sharp: string; readonly libvips: string } {
  return { sharp: sharp.versions.sharp ?? "unknown", libvips: sharp.versions.vips };
}

sharp.concurrency(1); // many images in flight use the cores better than many threads on one image
sharp.cache(false);

async function readRaw(image: Sharp, depth: "uchar" | "ushort" | "int" | "float"): Promise<Pixels> {
  const raw = image.raw({ depth });
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data: bytes, width, height, channels: channels as Pixels["channels"] };
}

/** Grey of more than eight bits a sample. */
async function readDeep(image: Sharp, { bits, format }: TiffTags): Promise<Pixels> {
  if (format === 1 && bits === 16) {
    return { ...(await readRaw(image.toColourspace("grey16"), "ushort")), mode: "I;16" };
  }
  const isFloat = format === 3;
  const mode = isFloat ? "F" : "I";
  const samples = await readRaw(image.toColourspace("b-w"), isFloat ? "float" : "int");
  return { ...samples, mode };
}

/** TIFF files say by their tags what decoders do not tell; Pillow always turns them upright. */
async function decodeTiff(
  image: Sharp,
  tags: TiffTags,
  meta: ColorFacts & Pick<Metadata, "channels">,
): Promise<Pixels> {
  const upright = image.autoOrient();
  const { photometric, bits, extra } = tags;
  const isGrey = photometric < 2 && meta.channels === 1;
  if (isGrey && bits > 8) return readDeep(upright, tags);
  if (photometric === 3 && extra.some((kind) => kind !== 0)) {
    const message = "a TIFF with a palette and alpha (Pillow's mode PA) is not read: save it as RGBA";
    throw new ClipError("bad-data", message);
  }
  const hasNoAlpha = extra.length > 0 && extra.every((kind) => kind === 0);
  const pixels = await decodeColors(hasNoAlpha ? upright.removeAlpha() : upright, meta);
  return photometric === 3 || bits === 1 ? indexed(pixels, tags) : pixels;
}

/** With its palette, if it has one that is read. */
function indexed(pixels: Pixels, { palette }: TiffTags): Pixels {
  const mode: PixelMode = "indexed";
  return { ...pixels, mode, ...(palette !== undefined && { palette }) };
}

/** What decides which colours a file has. */
type ColorFacts = Pick<Metadata, "space" | "hasAlpha">;

async function decodeColors(image: Sharp, { space, hasAlpha }: ColorFacts): Promise<Pixels> {
  if (space === "cmyk") {
    const inks = image.removeAlpha().pipelineColourspace("cmyk").toColourspace("cmyk");
    return { ...(await readRaw(inks, "uchar")), mode: "cmyk" };
  }
  const isGrey = space === "b-w" && !hasAlpha;
  return readRaw(image.toColourspace(isGrey ? "b-w" : "srgb"), "uchar");
}

const spaces: Readonly<Record<number, Metadata["space"]>> = { 1: "b-w", 3: "srgb", 4: "cmyk" };

/** The same from a JPEG's head, a tenth of the time that a small one takes. */
function colorsOfJpeg(file: Uint8Array): ColorFacts | undefined {
  const components = readJpegHead(file)?.components;
  const space = components === undefined ? undefined : spaces[components];
  return space === undefined ? undefined : { space, hasAlpha: false };
}

/**
 * Decodes a file in the formats of libvips to pixels as they are stored, colour profiles not applied.
 * @throws what sharp throws, or ClipError "bad-data" for a TIFF whose tags lie beyond its end.
 */
async function decodeWithSharp(file: Uint8Array, honourExif: boolean): Promise<Pixels> {
  const image = sharp(file, { ignoreIcc: true, failOn: "error", limitInputPixels: mostPixels });
  if (!isTiff(file)) {
    const colors = colorsOfJpeg(file) ?? (await image.metadata());
    return decodeColors(honourExif ? image.autoOrient() : image, colors);
  }
  const meta = await image.metadata();
  const tags = readTiffTags(file);
  if (tags !== undefined) return decodeTiff(image, tags, meta);
  throw new ClipError("bad-data", "the TIFF is truncated within its tags");
}

/** How files become pixels. */
export interface DecodeOptions {
  /** Turn the image upright as its EXIF tag says; off by default, as in the Python originals. */
  readonly honourExif?: boolean;
}

/**
 * Decodes JPEG, PNG, WebP, GIF, AVIF, TIFF, BMP or PPM as Pillow does, byte for byte and in its mode:
 * colour profiles are not applied, a transparency that a file names (tRNS, a GIF's index) is no alpha,
 * inks stay inks and 16-bit grey keeps its samples until `toRgb` or `preprocess` convert them by
 * Pillow's formulas. Of an animation it is the first frame. `label` names the image in the error.
 * @throws ClipError "bad-data" if the bytes are no image, damaged, cut short, or of more pixels than
 *   Pillow accepts.
 */
export async function decodeImage(bytes: Uint8Array, label: string, options: DecodeOptions = {}): Promise<Pixels> {
  const honourExif = options.honourExif ?? false;
  const decode = (file: Uint8Array): Promise<Pixels> => decodeWithSharp(file, honourExif);
  try {
    return await decodeAsPillow(bytes, { decode, checksum: crc32 });
  } catch (cause) {
    throw new ClipError("bad-data", `${label} is not a readable image: ${decoderReason(cause)}`, {
      data: { label },
      cause,
    });
  }
}
