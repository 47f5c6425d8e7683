import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import sharp, { type Sharp } from "sharp";
import { inksToRgb } from "./inks-to-rgb.ts";

/** How files become pixels. */
export interface DecodeOptions {
  /** Turn the image upright as its EXIF tag says; off by default, as in the Python originals. */
  readonly honourExif?: boolean;
}

/** The most pixels that Pillow decodes; a header that claims more is refused before anything is read. */
const mostPixels = 178_956_970;

sharp.concurrency(1); // many images in flight use the cores better than many threads on one image
sharp.cache(false);

async function readRaw(image: Sharp): Promise<Pixels> {
  const raw = image.raw({ depth: "uchar" });
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data: bytes, width, height, channels: channels as Pixels["channels"] };
}

async function decode(bytes: Uint8Array, honourExif: boolean): Promise<Pixels> {
  const image = sharp(bytes, { ignoreIcc: true, failOn: "error", limitInputPixels: mostPixels });
  const { space, hasAlpha } = await image.metadata();
  const upright = honourExif ? image.autoOrient() : image;
  if (space === "cmyk") {
    const inks = upright.removeAlpha().pipelineColourspace("cmyk").toColourspace("cmyk");
    return inksToRgb(await readRaw(inks));
  }
  const isGrey = space === "b-w" && !hasAlpha;
  return readRaw(upright.toColourspace(isGrey ? "b-w" : "srgb"));
}

/**
 * Decodes JPEG, PNG, WebP, GIF, AVIF or TIFF to 8-bit pixels, JPEG and PNG byte for byte as Pillow's
 * `convert("RGB")` does: colour profiles are not applied, printing inks are converted by its formula.
 * One exception: of 16-bit grey the high byte is kept, where Pillow turns all above 255 white.
 * Of an animation it is the first frame. `label` names the image in the error.
 * @throws ClipError "bad-data" if the bytes are no image, damaged, cut short, or of more pixels than
 *   Pillow accepts.
 */
export async function decodeImage(
  bytes: Uint8Array,
  label: string,
  options: DecodeOptions = {},
): Promise<Pixels> {
  try {
    return await decode(bytes, options.honourExif ?? false);
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new ClipError("bad-data", `${label} is not a readable image: ${reason}`, {
      data: { label },
      cause,
    });
  }
}
