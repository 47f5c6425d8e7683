import { sizeOf } from "@clip-ts/core";
import { splitPatches } from "@clip-ts/image";
import type { ClipConfig } from "@clip-ts/model";
import type { GraphInput } from "@clip-ts/onnx";
import { imageShape, pixelForm, placeLength, shapeOfImages } from "@clip-ts/vision-encoder";

/** Whole numbers as graphs take them. */
const wide = (data: Int32Array, shape: readonly number[]): GraphInput => ({
  data: BigInt64Array.from(data, BigInt),
  shape,
});

/** Images, as the tower reads them, as a graph takes them: of those that keep their shape places are apart. */
export function imageInputs(
  pixels: Float32Array,
  rows: number,
  { vision }: Pick<ClipConfig, "vision">,
): Record<string, GraphInput> {
  const form = pixelForm(vision);
  const shape = shapeOfImages(form, pixels.length, rows);
  if (form.published === undefined) return { pixel_values: { data: pixels, shape } };
  const { pixelValues, pixelAttentionMask, spatialShapes } = splitPatches(pixels, shape);
  const [, patches = 0, row = 0] = shape;
  return {
    pixel_values: { data: pixelValues, shape: [rows, patches, row - placeLength] },
    pixel_attention_mask: wide(pixelAttentionMask, [rows, patches]),
    spatial_shapes: wide(spatialShapes, [rows, 2]),
  };
}

/** An image of the fewest pixels that the tower reads, which are `value(0)`, `value(1)` and so on: planes, or one patch. */
export function smallestImage({ vision }: Pick<ClipConfig, "vision">, value: (at: number) => number): Float32Array {
  const { shape, published } = pixelForm(vision);
  if (published === undefined) return Float32Array.from({ length: sizeOf(imageShape(vision)) }, (_, at) => value(at));
  const length = Number(shape.at(-1)) - placeLength;
  return Float32Array.of(...Array.from({ length }, (_, at) => value(at)), 0, 0, 1, 1);
}
