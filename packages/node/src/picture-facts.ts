import type { BytesPlace } from "@clip-ts/data";
import readExif from "exif-reader";
import sharp, { type Metadata } from "sharp";
import type { RangeReader } from "./decode-pool/read-range.ts";
import { readImageHead } from "./image-head.ts";
import { exifOfJpeg, readJpegHead } from "./jpeg-head.ts";

/** What a picture's file says of it, beside its pixels. */
export interface PictureFacts {
  /** As stored; 0 where the file does not say it. */
  readonly width: number;
  readonly height: number;
  /** EXIF's orientation, 1 to 8; 1 where it names none. From 5 on, upright pixels have the two sizes swapped. */
  readonly orientation: number;
  /**
   * When it was taken, in milliseconds since 1970: EXIF's DateTimeOriginal at its offset from UTC. Without an offset
   * the camera's clock is read as if it were UTC's, so that a picture has one date on all machines.
   */
  readonly takenAt?: number;
}

/** Bytes in which the head of a JPEG lies: EXIF is one segment of 64 KiB at most, near the beginning. */
const headBytes = 128 * 2 ** 10;

/** What is older is a clock that was not set: the year 0 comes as 1899. */
const oldestDate = Date.UTC(1900, 0);

type ExifFacts = Pick<PictureFacts, "orientation" | "takenAt">;

/** "+02:00" in milliseconds; 0 for what is none. */
function offsetMs(text: unknown): number {
  const found = typeof text === "string" ? /^([+-])(\d\d):(\d\d)/.exec(text) : null;
  if (found === null) return 0;
  const [, sign, hours, minutes] = found;
  return (sign === "-" ? -1 : 1) * (60 * Number(hours) + Number(minutes)) * 60_000;
}

/** The moment that a camera wrote down; NaN for a clock that was not set. */
function momentOf(taken: unknown, offset: unknown): number {
  const moment = taken instanceof Date ? taken.getTime() - offsetMs(offset) : Number.NaN;
  return moment >= oldestDate ? moment : Number.NaN;
}

/** What EXIF's tags say; a damaged segment says nothing. */
function factsOfExif(segment: Uint8Array): ExifFacts {
  try {
    const { Image: image, Photo: photo } = readExif(Buffer.from(segment));
    const stated = image?.Orientation ?? 1;
    const orientation = [1, 2, 3, 4, 5, 6, 7, 8].includes(stated) ? stated : 1;
    const takenAt = momentOf(photo?.DateTimeOriginal, photo?.["OffsetTimeOriginal"]);
    return Number.isNaN(takenAt) ? { orientation } : { orientation, takenAt };
  } catch {
    return { orientation: 1 };
  }
}

function firstBytes(place: BytesPlace, reader: RangeReader): Uint8Array {
  if ("bytes" in place) return place.bytes;
  return reader.read({ ...place, length: Math.min(place.length, headBytes) });
}

const allBytes = (place: BytesPlace, reader: RangeReader): Uint8Array =>
  "bytes" in place ? place.bytes : reader.read(place);

/** @throws what sharp throws, and for no bytes at all. */
const metadataOf = async (bytes: Uint8Array): Promise<Metadata> => sharp(bytes, { failOn: "none" }).metadata();

function factsOfMetadata({ width, height, orientation = 1, exif }: Metadata): PictureFacts {
  const { takenAt } = exif === undefined ? {} : factsOfExif(exif);
  return { width, height, orientation, ...(takenAt !== undefined && { takenAt }) };
}

/**
 * Size, turn and date of a picture, read from its head: of a JPEG without decoding anything, of other formats as libvips
 * tells them. What is damaged, or not told, is 0, 1 or absent. A WebP or AVIF has EXIF behind its pixels and is read whole.
 * @throws what reading the place throws.
 */
export async function readPictureFacts(place: BytesPlace, reader: RangeReader): Promise<PictureFacts> {
  const head = firstBytes(place, reader);
  const jpeg = readJpegHead(head);
  if (jpeg !== undefined) {
    const segment = exifOfJpeg(head);
    const { width, height } = jpeg;
    return { width, height, ...(segment === undefined ? { orientation: 1 } : factsOfExif(segment)) };
  }
  const found = await metadataOf(allBytes(place, reader)).catch(() => undefined);
  if (found !== undefined) return factsOfMetadata(found);
  const { width, height } = readImageHead(head) ?? { width: 0, height: 0 };
  return { width, height, orientation: 1 };
}
