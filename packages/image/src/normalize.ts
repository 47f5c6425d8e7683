import { checkRgb, type Pixels } from "./pixels.ts";

/** Mean and standard deviation of each channel, for values from 0 to 1. */
export interface ChannelStatistics {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * (byte / 255 - mean) / std as [3, height, width], each step rounded to float32: the numbers of
 * torchvision's `ToTensor` and `Normalize` to the last bit. The caller owns the result.
 */
export function normalize(pixels: Pixels, { mean, std }: ChannelStatistics): Float32Array {
  checkRgb(pixels);
  const count = pixels.width * pixels.height;
  const planes = new Float32Array(count * 3);
  for (let channel = 0; channel < 3; channel++) {
    const values = normalizedBytes(mean[channel]!, std[channel]!);
    const plane = channel * count;
    for (let pixel = 0; pixel < count; pixel++) {
      planes[plane + pixel] = values[pixels.data[pixel * 3 + channel]!]!;
    }
  }
  return planes;
}

/** The normalised value of each of the 256 bytes. */
function normalizedBytes(mean: number, std: number): Float32Array {
  const { fround } = Math;
  return Float32Array.from({ length: 256 }, (_, byte) =>
    fround(fround(fround(byte / 255) - fround(mean)) / fround(std)),
  );
}
