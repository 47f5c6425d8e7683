import { reshape, slice, transpose, type Tensor } from "@tensorflow/tfjs-core";
import { axisLength } from "./shape.ts";

/** The rows and columns that whole patches cover; what is left over at the bottom and right goes. */
function croppedTo(images: Tensor, height: number, width: number): Tensor {
  if (axisLength(images, 2) === height && axisLength(images, 3) === width) return images;
  return slice(images, [0, 0, 0, 0], [-1, -1, height, width]);
}

/**
 * Cuts images into flat patches, left to right, top to bottom.
 * images [batch, channels, height, width] → [batch, patches, channels · patchSize²], each patch
 * channel-first, so that a convolution kernel [dim, channels, patchSize, patchSize] is a linear weight
 * after one reshape. Pixels at the bottom and right that fill no patch are left out, as a convolution of
 * that stride does.
 */
export function patchify(images: Tensor, patchSize: number): Tensor {
  const [batch, channels] = [axisLength(images, 0), axisLength(images, 1)];
  const rows = Math.floor(axisLength(images, 2) / patchSize);
  const columns = Math.floor(axisLength(images, 3) / patchSize);
  const covered = croppedTo(images, rows * patchSize, columns * patchSize);
  const split = reshape(covered, [batch * channels, rows, patchSize, columns, patchSize]);
  const byRow = transpose(split, [1, 3, 0, 2, 4]); // [rows, columns, batch·channels, p, p]
  const grouped = reshape(byRow, [rows * columns, batch, channels * patchSize * patchSize]);
  return transpose(grouped, [1, 0, 2]);
}
