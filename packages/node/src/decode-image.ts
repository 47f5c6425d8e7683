import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import sharp from "sharp";

/** How files become pixels. */
export interface DecodeOptions {
  /** Turn the image upright as its EXIF tag says; off by default, as in the Python originals. */
  readonly honourExif?: boolean;
}

sharp.concurrency(1); // many images in flight use the cores better than many threads on one image
sharp.cache(false);

/**
 * Decodes JPEG, PNG, WebP, GIF, AVIF or TIFF to 8-bit pixels, byte for byte as Pillow decodes JPEG and
 * PNG: colour profiles are not applied. `label` names the image in the error.
 * @throws ClipError "bad-data" if the bytes are no readable image.
 */
export async function decodeImage(
  bytes: Uint8Array,
  label: string,
  options: DecodeOptions = {},
): Promise<Pixels> {
  try {
    const image = sharp(bytes, { ignoreIcc: true, failOn: "truncated" });
    const upright = options.honourExif === true ? image.rotate() : image;
    const { channels: stored = 3, hasAlpha = false, space } = await image.metadata();
    const isGrey = space === "b-w" && stored === 1;
    const colour = isGrey ? upright : upright.toColourspace("srgb");
    const { data, info } = await (hasAlpha ? colour.ensureAlpha() : colour)
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    return { data: new Uint8Array(data), width, height, channels: channels as Pixels["channels"] };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-data", `${label} is not a readable image: ${reason}`, {
      data: { label },
      cause,
    });
  }
}
