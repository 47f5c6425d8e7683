import type { Pixels } from "@clip-ts/image";

/**
 * Cyan, magenta, yellow and black bytes → red, green, blue: each ink takes its share of the light that
 * black lets through, in whole numbers as Pillow's conversion of CMYK.
 */
export function inksToRgb({ data: inks, width, height }: Pixels): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const light = 255 - inks[from + 3]!;
    for (let ink = 0; ink < 3; ink++) {
      const product = inks[from + ink]! * light + 128;
      data[to + ink] = light - (((product >> 8) + product) >> 8);
    }
  }
  return { data, width, height, channels: 3 };
}
