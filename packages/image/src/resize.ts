import { ClipError } from "@clip-ts/base";
import { checkPixels, checkSize, type Pixels } from "./pixels.ts";
import { premultiply, unpremultiply } from "./premultiply.ts";
import { resampleTable, type Interpolation, type ResampleTable } from "./resample-table.ts";
import { resampleColumns, resampleRows } from "./resample.ts";

/** What a resize makes. */
export interface ResizeOptions {
  /** Width of the whole result. */
  readonly width: number;
  /** Height of the whole result. */
  readonly height: number;
  readonly interpolation: Interpolation;
  /**
   * Part of the source to enlarge or shrink: left, top, right, bottom, fractions allowed. As in
   * Pillow the kernel still sees pixels outside it. Default: all.
   */
  readonly box?: readonly [left: number, top: number, right: number, bottom: number];
  /** Part of the result to compute: the same bytes as cropping afterwards, for less work. */
  readonly crop?: Rectangle;
}

/** Whole pixels. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes byte for byte as Pillow's `Image.resize` does: antialiased, 22-bit fixed point, across
 * then down with rounding to bytes between, alpha premultiplied meanwhile.
 */
export function resize(pixels: Pixels, options: ResizeOptions): Pixels {
  checkPixels(pixels);
  const { width, height, interpolation } = options;
  checkSize("width", width);
  checkSize("height", height);
  const { box = [0, 0, pixels.width, pixels.height] } = options;
  const { crop = { left: 0, top: 0, width, height } } = options;
  checkBox(box, pixels);
  checkInside(crop, options);
  const horizontal = resampleTable({
    inputSize: pixels.width,
    box: [box[0], box[2]],
    outputSize: width,
    crop: [crop.left, crop.left + crop.width],
    interpolation,
  });
  const vertical = resampleTable({
    inputSize: pixels.height,
    box: [box[1], box[3]],
    outputSize: height,
    crop: [crop.top, crop.top + crop.height],
    interpolation,
  });
  if (horizontal.isCopy && vertical.isCopy) return cropRows(pixels, crop);
  const source = pixels.channels === 4 ? premultiply(pixels) : pixels;
  const [firstRow, endRow] = rowsRead(vertical, crop);
  const needed = { left: crop.left, top: firstRow, width: crop.width, height: endRow - firstRow };
  const across = horizontal.isCopy
    ? cropRows(source, needed)
    : resampleRows(source, horizontal, [firstRow, endRow]);
  const { data } = vertical.isCopy ? across : resampleColumns(across, vertical, firstRow);
  const resized: Pixels = { ...pixels, data, width: crop.width, height: crop.height };
  return pixels.channels === 4 ? unpremultiply(resized) : resized;
}

/** The source rows that the pass down reads: the pass across makes no others. */
function rowsRead(vertical: ResampleTable, crop: Rectangle): readonly [start: number, end: number] {
  if (vertical.isCopy) return [crop.top, crop.top + crop.height];
  return [vertical.starts[0]!, vertical.starts.at(-1)! + vertical.counts.at(-1)!];
}

/** A copy of the pixels inside the rectangle, which must lie within the image. */
export function cropRows(pixels: Pixels, { left, top, width, height }: Rectangle): Pixels {
  const { channels } = pixels;
  const rowBytes = width * channels;
  const data = new Uint8Array(rowBytes * height);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * pixels.width + left) * channels;
    data.set(pixels.data.subarray(from, from + rowBytes), row * rowBytes);
  }
  return { data, width, height, channels };
}

/** Throws "bad-argument" unless the rectangle is made of whole pixels of the image. */
export function checkInside(
  { left, top, width, height }: Rectangle,
  image: { readonly width: number; readonly height: number },
): void {
  const isInside =
    [left, top, width, height].every(Number.isSafeInteger) &&
    Math.min(left, top) >= 0 &&
    Math.min(width, height) > 0 &&
    left + width <= image.width &&
    top + height <= image.height;
  if (isInside) return;
  throw new ClipError(
    "bad-argument",
    `A crop must lie inside the image of ${image.width} x ${image.height}, ` +
      `got left ${left}, top ${top}, width ${width}, height ${height}`,
    { data: { left, top, width, height, imageWidth: image.width, imageHeight: image.height } },
  );
}

function checkBox([left, top, right, bottom]: readonly number[], pixels: Pixels): void {
  const isInside = left! >= 0 && top! >= 0 && right! <= pixels.width && bottom! <= pixels.height;
  if (isInside && left! < right! && top! < bottom!) return;
  throw new ClipError(
    "bad-argument",
    `A box is left, top, right, bottom inside the image of ${pixels.width} x ${pixels.height}, ` +
      `got ${[left, top, right, bottom].join(", ")}`,
    { data: { left, top, right, bottom, width: pixels.width, height: pixels.height } },
  );
}
