/** Colours of a palette, three bytes each, grey by number beyond its end: 256, as in Pillow. */
export function fullPalette(colors: Uint8Array): Uint8Array {
  const palette = Uint8Array.from({ length: 768 }, (_, byte) => Math.floor(byte / 3));
  palette.set(colors.subarray(0, Math.min(768, colors.length - (colors.length % 3))));
  return palette;
}
