import { imageSize } from "image-size";

/** What an image's first bytes say. */
export interface ImageHead {
  /** The usual ending of the format, without a dot: "jpg", "png", "webp". */
  readonly format: string;
  readonly width: number;
  readonly height: number;
}

const endings: Readonly<Record<string, string>> = { tiff: "tif", pnm: "ppm", heif: "avif" };

/**
 * Format and size of an image by its head, without decoding it and as it is stored (an orientation that EXIF names is
 * not applied); undefined for what is no image that is known.
 */
export function readImageHead(bytes: Uint8Array): ImageHead | undefined {
  try {
    // image-size reads on beyond a view's end, into whatever else lies in its buffer: a small file gets one of its own.
    const isView = bytes.byteLength !== bytes.buffer.byteLength;
    const { type, width, height } = imageSize(isView ? new Uint8Array(bytes) : bytes);
    if (type === undefined || !(width > 0 && height > 0)) return undefined;
    return { format: endings[type] ?? type, width, height };
  } catch {
    return undefined;
  }
}
