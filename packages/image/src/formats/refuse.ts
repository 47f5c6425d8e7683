import { ClipError } from "@clip-ts/base";
import type { Rectangle } from "../pixel-source.ts";

/** The most pixels that Pillow decodes; a header that claims more is refused before anything is read. */
export const mostPixels: number = 178_956_970;

/** Throws "bad-data" that says why bytes are no image that can be read. */
export function refuse(reason: string): never {
  throw new ClipError("bad-data", reason);
}

/** Throws "bad-data" for sizes that are none, or that claim more pixels than Pillow decodes. */
export function checkImageSize({ width, height }: Pick<Rectangle, "width" | "height">): void {
  if (!(width > 0 && height > 0)) refuse(`an image of ${width} x ${height} pixels has none`);
  if (width * height <= mostPixels) return;
  refuse(`${width} x ${height} pixels exceed the pixel limit of ${mostPixels}`);
}

/** Throws "bad-data" unless a file goes on up to byte `end`. */
export function checkReaches(bytes: Uint8Array, end: number): void {
  if (end <= bytes.length) return;
  refuse(`the image file is truncated: ${bytes.length} bytes of at least ${end}`);
}
