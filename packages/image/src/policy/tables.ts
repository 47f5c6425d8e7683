import { mapBytes } from "../color.ts";
import type { Pixels } from "../pixels.ts";

const bytes = Array.from({ length: 256 }, (_, byte) => byte);

const tableOf = (value: (byte: number) => number): Uint8Array => Uint8Array.from(bytes, value);

/** How often each byte occurs in each channel: [3][256]. */
function histograms({ data }: Pixels): readonly Uint32Array[] {
  const counts = [new Uint32Array(256), new Uint32Array(256), new Uint32Array(256)] as const;
  for (let byte = 0; byte < data.length; byte += 3) {
    counts[0][data[byte]!]!++;
    counts[1][data[byte + 1]!]!++;
    counts[2][data[byte + 2]!]!++;
  }
  return counts;
}

/** Stretches each channel of an RGB image to 0 … 255: Pillow's `ImageOps.autocontrast`. */
export function autoContrast(image: Pixels): Pixels {
  const tables = histograms(image).map((counts) => {
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    if (high <= low) return tableOf((byte) => byte);
    const scale = 255 / (high - low);
    const offset = -low * scale;
    return tableOf((byte) => Math.min(Math.max(Math.trunc(byte * scale + offset), 0), 255));
  });
  return mapBytes(image, tables);
}

/** Spreads the brightness of each channel evenly: Pillow's `ImageOps.equalize`. */
export function equalize(image: Pixels): Pixels {
  const tables = histograms(image).map((counts) => {
    const used = counts.filter((count) => count > 0);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const step = Math.floor((total - used.at(-1)!) / 255);
    if (used.length < 2 || step === 0) return tableOf((byte) => byte);
    let reached = Math.floor(step / 2);
    return tableOf((byte) => {
      const value = Math.floor(reached / step);
      reached += counts[byte]!;
      return Math.min(value, 255); // Pillow cuts what a table says beyond a byte
    });
  });
  return mapBytes(image, tables);
}

/** The negative of an RGB image. */
export const invert = (image: Pixels): Pixels =>
  mapBytes(
    image,
    tableOf((byte) => 255 - byte),
  );

/** The negative of all bytes from a threshold, 0 to 256, on: Pillow's `ImageOps.solarize`. */
export const solarize = (image: Pixels, threshold: number): Pixels =>
  mapBytes(
    image,
    tableOf((byte) => (byte < threshold ? byte : 255 - byte)),
  );

/** Adds to all bytes below 128, up to 255. */
export const solarizeAdd = (image: Pixels, addend: number): Pixels =>
  mapBytes(
    image,
    tableOf((byte) => (byte < 128 ? Math.min(255, byte + addend) : byte)),
  );

/** Keeps so many bits of each byte, the highest: Pillow's `ImageOps.posterize`; 8 keep all, 0 make black. */
export function posterize(image: Pixels, bits: number): Pixels {
  return bits >= 8
    ? image
    : mapBytes(
        image,
        tableOf((byte) => byte & ~(2 ** (8 - bits) - 1)),
      );
}
