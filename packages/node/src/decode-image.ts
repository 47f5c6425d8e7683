import { crc32 } from "node:zlib";
import { ClipError } from "@clip-ts/base";
import { decodeAsPillow, type Pixels } from "@clip-ts/image";
import { decodeWithSharp } from "./decode-with-sharp.ts";

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
export async function decodeImage(
  bytes: Uint8Array,
  label: string,
  options: DecodeOptions = {},
): Promise<Pixels> {
  const honourExif = options.honourExif ?? false;
  const decode = (file: Uint8Array): Promise<Pixels> => decodeWithSharp(file, honourExif);
  try {
    return await decodeAsPillow(bytes, { decode, checksum: crc32 });
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new ClipError("bad-data", `${label} is not a readable image: ${reason}`, {
      data: { label },
      cause,
    });
  }
}
