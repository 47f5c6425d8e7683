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
