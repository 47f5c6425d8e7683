/** 256 colours of three bytes each: those of a palette, black beyond its end as in Pillow. */
export function fullPalette(colors: Uint8Array): Uint8Array {
  const palette = new Uint8Array(768);
  palette.set(colors.subarray(0, Math.min(768, colors.length - (colors.length % 3))));
  return palette;
}

/** 256 greys by their numbers. */
export function greyPalette(): Uint8Array {
  return Uint8Array.from({ length: 768 }, (_, byte) => Math.floor(byte / 3));
}
