import type { Color } from "../color.ts";
import type { Pixels } from "../pixels.ts";

/** Where each place of a result lies in its source: x' = [0]·x + [1]·y + [2], y' = [3]·x + [4]·y + [5]. */
export type AffineMap = readonly [number, number, number, number, number, number];

/** How an image is read between its pixels. */
export type AffineFilter = "bilinear" | "bicubic";

/** What is read around a place: where each pixel's column begins, which rows, and the values on the way. */
interface Taps {
  readonly columns: Int32Array;
  /** -1 for a row beyond the edge, for which the value of the row before stands in. */
  readonly rows: Int32Array;
  readonly across: Float64Array;
  readonly down: Float64Array;
}

const clamp = (value: number, length: number): number => Math.min(Math.max(value, 0), length - 1);

/** Cubic between the second and the third of four values (Keys 1981 with a = -1), as Pillow's transforms write it. */
function cubic(values: Float64Array, distance: number): number {
  const a = values[0]!;
  const b = values[1]!;
  const c = values[2]!;
  const d = values[3]!;
  return b + distance * (c - a + distance * (2 * (a - b) + c - d + distance * (b - a - c + d)));
}

const linear = (values: Float64Array, distance: number): number => values[0]! + (values[1]! - values[0]!) * distance;

const kinds = {
  bilinear: { count: 2, before: 0, mix: linear },
  bicubic: { count: 4, before: 1, mix: cubic },
} as const;

/** Pixels beside a place; the first row is cut at the edge, later ones outside the image repeat the one before. */
function fillTaps({ columns, rows }: Taps, left: number, top: number, { width, height }: Pixels): void {
  rows[0] = clamp(top, height);
  for (let tap = 0; tap < columns.length; tap++) {
    columns[tap] = 3 * clamp(left + tap, width);
    const row = top + tap;
    if (tap > 0) rows[tap] = row < 0 || row >= height ? -1 : row;
  }
}

/** The values of a channel in each row, between the columns. */
function fillDown(
  { columns, rows, across, down }: Taps,
  { data, width }: Pixels,
  channel: number,
  between: () => number,
): void {
  for (let row = 0; row < rows.length; row++) {
    if (rows[row]! < 0) {
      down[row] = down[row - 1]!;
      continue;
    }
    const start = rows[row]! * 3 * width + channel;
    for (let tap = 0; tap < columns.length; tap++) across[tap] = data[start + columns[tap]!]!;
    down[row] = between();
  }
}

/**
 * An RGB image seen through a map, at its own size: Pillow's `Image.transform` with `AFFINE` and a colour where the map
 * leaves the image.
 */
export function transformAffine(
  image: Pixels,
  map: AffineMap,
  { filter, fill }: { readonly filter: AffineFilter; readonly fill: Color },
): Pixels {
  const { width, height } = image;
  const { count, before, mix } = kinds[filter];
  const data = new Uint8ClampedArray(3 * width * height);
  const taps: Taps = {
    columns: new Int32Array(count),
    rows: new Int32Array(count),
    across: new Float64Array(count),
    down: new Float64Array(count),
  };
  let right = 0;
  const between = (): number => mix(taps.across, right);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [x, y] = [(pixel % width) + 0.5, Math.floor(pixel / width) + 0.5];
    const xIn = map[0] * x + map[1] * y + map[2];
    const yIn = map[3] * x + map[4] * y + map[5];
    if (!isInside(xIn, width) || !isInside(yIn, height)) {
      data.set(fill, 3 * pixel);
      continue;
    }
    const left = Math.floor(xIn - 0.5);
    const top = Math.floor(yIn - 0.5);
    right = xIn - 0.5 - left;
    fillTaps(taps, left - before, top - before, image);
    for (let channel = 0; channel < 3; channel++) {
      fillDown(taps, image, channel, between);
      data[3 * pixel + channel] = Math.floor(Math.min(Math.max(mix(taps.down, yIn - 0.5 - top), 0), 255));
    }
  }
  return { ...image, data: new Uint8Array(data.buffer) };
}

const isInside = (place: number, length: number): boolean => place >= 0 && place < length;

const rounded15 = (value: number): number => Number(value.toFixed(15));

/** The map of Pillow's `Image.rotate` about the middle, counter-clockwise by degrees. */
export function rotation(degrees: number, { width, height }: Pick<Pixels, "width" | "height">): AffineMap {
  const turned = degrees % 360;
  const angle = -((turned < 0 ? turned + 360 : turned) * (Math.PI / 180));
  const [cosine, sine, back] = [Math.cos(angle), Math.sin(angle), -Math.sin(angle)].map(rounded15) as [
    number,
    number,
    number,
  ];
  const [x, y] = [width / 2, height / 2];
  return [cosine, sine, cosine * -x + sine * -y + x, back, cosine, back * -x + cosine * -y + y];
}
