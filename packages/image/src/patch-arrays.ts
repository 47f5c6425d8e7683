import { ClipError } from "@clip-ts/base";

/** Images as rows of patches, as transformers keeps them: their places apart from them. */
export interface PatchArrays {
  /** [images, patches, patchSize² · 3] */
  readonly pixelValues: Float32Array;
  /** [images, patches], 1 for a patch and 0 for padding. */
  readonly pixelAttentionMask: Int32Array;
  /** [images, 2]: rows and columns of patches of each. */
  readonly spatialShapes: Int32Array;
}

/** Numbers of a place. */
const placeLength = 4;

/**
 * What a NaFlex tower reads, [images, patches, patch and its place], as transformers keeps it. The caller owns the
 * arrays.
 */
export function splitPatches(pixels: Float32Array, shape: readonly number[]): PatchArrays {
  const [images = 0, patches = 0, row = 0] = shape;
  const length = row - placeLength;
  const arrays = {
    pixelValues: new Float32Array(images * patches * length),
    pixelAttentionMask: new Int32Array(images * patches),
    spatialShapes: new Int32Array(images * 2),
  };
  for (let at = 0; at < images * patches; at++) {
    const values = pixels.subarray(at * row, (at + 1) * row);
    const [, , rows = 0, columns = 0] = values.subarray(length);
    arrays.pixelValues.set(values.subarray(0, length), at * length);
    arrays.pixelAttentionMask[at] = rows > 0 ? 1 : 0;
    if (rows > 0) arrays.spatialShapes.set([rows, columns], 2 * Math.floor(at / patches));
  }
  return arrays;
}

/** @throws ClipError "bad-shape" for arrays that do not belong together. */
function checkArrays({ pixelAttentionMask, spatialShapes }: PatchArrays, shape: readonly number[]): void {
  const [images = 0, patches = 0] = shape;
  if (shape.length === 3 && pixelAttentionMask.length === images * patches && spatialShapes.length === 2 * images) {
    return;
  }
  throw new ClipError(
    "bad-shape",
    `Patches [images, patches, numbers] need pixel_attention_mask [images, patches] and spatial_shapes [images, 2]; ` +
      `got [${shape.join(", ")}], ${pixelAttentionMask.length} and ${spatialShapes.length} numbers.`,
    { data: { shape } },
  );
}

/**
 * The other way: what a NaFlex tower reads, [images, patches, patch and its place], of what transformers' processor
 * gives. Patches lie row by row. @throws ClipError "bad-shape" for arrays that do not belong together.
 */
export function joinPatches(arrays: PatchArrays, shape: readonly number[]): Float32Array {
  checkArrays(arrays, shape);
  const { pixelValues, pixelAttentionMask, spatialShapes } = arrays;
  const [images = 0, patches = 0, length = 0] = shape;
  const row = length + placeLength;
  const joined = new Float32Array(images * patches * row);
  for (let at = 0; at < images * patches; at++) {
    const [image, patch] = [Math.floor(at / patches), at % patches];
    const [rows = 0, columns = 0] = spatialShapes.subarray(2 * image, 2 * image + 2);
    joined.set(pixelValues.subarray(at * length, (at + 1) * length), at * row);
    if (pixelAttentionMask[at] === 0) continue;
    joined.set([Math.floor(patch / columns), patch % columns, rows, columns], at * row + length);
  }
  return joined;
}
