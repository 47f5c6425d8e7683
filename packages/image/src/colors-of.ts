import { deepSamples, isDeep, type DeepMode, type Pixels } from "./pixels.ts";
import { checkColor, type Color } from "./check-color.ts";

/** Makes pixels of other pixels, one for one, from the start of `from` to the start of `to`. */
export interface PixelMap {
  /** Bytes of each pixel made. */
  readonly channels: 1 | 3 | 4;
  run(from: Uint8Array, to: Uint8Array): void;
}

function dropAlpha(rgba: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
}

/** Porter and Duff's "over" on an opaque background, with 7 bits below the byte. */
function layOver(rgba: Uint8Array, rgb: Uint8Array, background: Color): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      const mixed = rgba[from + channel]! * alpha + background[channel]! * (255 - alpha);
      const scaled = (mixed + 0x80) << 7;
      rgb[to + channel] = ((scaled >> 8) + scaled) >> 15;
    }
  }
}

/** Each ink takes its share of the light that black lets through, in whole numbers as in Pillow. */
function inksToRgb(inks: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const light = 255 - inks[from + 3]!;
    for (let ink = 0; ink < 3; ink++) {
      const product = inks[from + ink]! * light + 128;
      rgb[to + ink] = light - (((product >> 8) + product) >> 8);
    }
  }
}

/** The samples that bytes hold; a copy where they do not begin at a whole sample of memory. */
export function samplesOf(
  data: Uint8Array,
  mode: DeepMode,
): Uint16Array | Int32Array | Float32Array {
  const Samples = deepSamples[mode];
  const { BYTES_PER_ELEMENT: size } = Samples;
  const aligned = data.byteOffset % size === 0 ? data : Uint8Array.from(data);
  return new Samples(aligned.buffer as ArrayBuffer, aligned.byteOffset, data.length / size);
}

/** Cuts samples to bytes, as Pillow does: of 16-bit grey, all that is above 255 becomes white. */
function cutSamples(mode: DeepMode): PixelMap["run"] {
  return (from, to) => {
    const samples = samplesOf(from, mode);
    for (let pixel = 0; pixel < samples.length; pixel++) {
      to[pixel] = Math.min(Math.max(samples[pixel]!, 0), 255); // fractions are cut off
    }
  };
}

/**
 * How pixels become RGB, or grey where all three would be equal: alpha is forgotten or laid over
 * `background`. Undefined if they are that already.
 */
export function colorsOf(pixels: Pixels, background?: Color): PixelMap | undefined {
  if (background !== undefined) checkColor(background);
  const { mode, channels } = pixels;
  if (isDeep(mode)) return { channels: 1, run: cutSamples(mode) };
  if (mode === "cmyk") return { channels: 3, run: inksToRgb };
  if (channels !== 4) return undefined;
  if (background === undefined) return { channels: 3, run: dropAlpha };
  return { channels: 3, run: (from, to) => layOver(from, to, background) };
}
