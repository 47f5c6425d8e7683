import sharp from "sharp";

/** Versions of the libraries that decode images. */
export function imageLibraryVersions(): { readonly sharp: string; readonly libvips: string } {
  return { sharp: sharp.versions.sharp ?? "unknown", libvips: sharp.versions.vips };
}
