import { ClipError, randomStream } from "@clip-ts/base";
import type { BytesPlace, ImageJob, JobFault } from "@clip-ts/data";
import { decodeImage } from "../decode-image.ts";
import { writePicture, type PictureSettings } from "./planes.ts";
import { checkLength, type RangeReader } from "./read-range.ts";
import { writeShrunk } from "./shrunk.ts";
import { decoderReason } from "../decoder-reason.ts";

/** Why a job failed, in one line that names its sample. */
export function faultOf(key: string, error: unknown): JobFault {
  const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return { reason: reason.includes(key) ? reason : `${key}: ${reason}` };
}

/** The bytes of a place, read if they are in a file. @throws what reading throws. */
export function bytesAt(place: BytesPlace, reader: RangeReader): Uint8Array {
  if (!("bytes" in place)) return reader.read(place);
  checkLength(place.bytes.length);
  return place.bytes;
}

/**
 * Reads, decodes and prepares an image: planes [3, size, size] of bytes into `target`.
 * @throws what reading or decoding throws.
 */
export async function doImage(
  { image, key, random }: ImageJob,
  settings: PictureSettings,
  reader: RangeReader,
  target: Uint8ClampedArray,
): Promise<void> {
  const bytes = bytesAt(image, reader);
  try {
    if (settings.mode === "fast" && (await writeShrunk(bytes, settings, random, target))) return;
  } catch (cause) {
    throw new ClipError("bad-data", `${key} is not a readable image: ${decoderReason(cause)}`, {
      data: { key },
      cause,
    });
  }
  const pixels = await decodeImage(bytes, key, { honourExif: settings.honourExif });
  writePicture(pixels, settings, randomStream(settings.seed, ...random), target);
}
