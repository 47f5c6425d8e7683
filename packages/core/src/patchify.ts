import { reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import { axisLength } from "./shape.ts";

/**
 * Cuts images into flat patches, left to right, top to bottom.
 * images [batch, channels, height, width] → [batch, patches, channels · patchSize²], each patch
 * channel-first, so that a convolution kernel [dim, channels, patchSize, patchSize] is a linear weight
 * after one reshape. Height and width must be multiples of `patchSize`.
 */
export function patchify(images: Tensor, patchSize: number): Tensor {
  const [batch, channels] = [axisLength(images, 0), axisLength(images, 1)];
  const [rows, columns] = [axisLength(images, 2) / patchSize, axisLength(images, 3) / patchSize];
  const split = reshape(images, [batch * channels, rows, patchSize, columns, patchSize]);
  const byRow = transpose(split, [1, 3, 0, 2, 4]); // [rows, columns, batch·channels, p, p]
  const grouped = reshape(byRow, [rows * columns, batch, channels * patchSize * patchSize]);
  return transpose(grouped, [1, 0, 2]);
}
