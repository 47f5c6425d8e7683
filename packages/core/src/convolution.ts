import { sidesOf, type ImageSize } from "@clip-ts/base";
import {
  avgPool,
  concat,
  conv2d as tfConv2d,
  mul,
  reshape,
  slice,
  transpose,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { withGradient } from "./gradient.ts";
import { linear } from "./layers.ts";
import { axisLength } from "./shape.ts";
import { param, type Initialiser, type ParamSpec } from "./spec.ts";

/** The rows and columns that whole patches cover; what is left over at the bottom and right goes. */
function croppedTo(images: Tensor, height: number, width: number): Tensor {
  if (axisLength(images, 2) === height && axisLength(images, 3) === width) return images;
  return slice(images, [0, 0, 0, 0], [-1, -1, height, width]);
}

/**
 * Cuts images into flat patches, left to right, top to bottom.
 * images [batch, channels, height, width] → [batch, patches, channels · area of a patch], each patch
 * channel-first, so that a convolution kernel [dim, channels, height, width of a patch] is a linear weight
 * after one reshape. Pixels at the bottom and right that fill no patch are left out, as a convolution of
 * that stride does.
 */
export function patchify(images: Tensor, patchSize: ImageSize): Tensor {
  const { height, width } = sidesOf(patchSize);
  const [batch, channels] = [axisLength(images, 0), axisLength(images, 1)];
  const rows = Math.floor(axisLength(images, 2) / height);
  const columns = Math.floor(axisLength(images, 3) / width);
  const covered = croppedTo(images, rows * height, columns * width);
  const split = reshape(covered, [batch * channels, rows, height, columns, width]);
  const byRow = transpose(split, [1, 3, 0, 2, 4]); // [rows, columns, batch·channels, height, width]
  const grouped = reshape(byRow, [rows * columns, batch, channels * height * width]);
  return transpose(grouped, [1, 0, 2]);
}

/** weight [out, in, kernel, kernel] as checkpoints keep it. */
export interface Conv2dParams<Leaf = Tensor> {
  readonly weight: Leaf;
}

/** Spec of a square convolution without bias. */
export function conv2dSpec(
  inputs: number,
  outputs: number,
  options: { readonly kernel: number; readonly weight: Initialiser },
): Conv2dParams<ParamSpec> {
  const { kernel, weight } = options;
  return { weight: param([outputs, inputs, kernel, kernel], weight, "matrix") };
}

/** A convolution that looks at one place at a time is a linear layer. */
function pointwise({ weight }: Conv2dParams, x: Tensor): Tensor {
  return linear({ weight: reshape(weight, [axisLength(weight, 0), axisLength(weight, 1)]) }, x);
}

/**
 * Cross-correlation with zero padding on every side.
 * x [batch, height, width, in], channels last inside towers as tfjs's kernels want them → the same
 * with `out` channels.
 */
export function conv2d(
  params: Conv2dParams,
  x: Tensor,
  { stride = 1, padding = 0 }: { readonly stride?: number; readonly padding?: number } = {},
): Tensor {
  if (axisLength(params.weight, 2) === 1 && stride === 1 && padding === 0) {
    return pointwise(params, x);
  }
  const filter = transpose(params.weight, [2, 3, 1, 0]) as Tensor4D; // [kernel, kernel, in, out]
  return tfConv2d(x as Tensor4D, filter, stride, padding);
}

/** Every place of a picture `size` times in both directions. [batch, h, w, c] → [batch, h·size, w·size, c]. */
function enlarge(x: Tensor, size: number): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const repeat = (rows: Tensor): Tensor =>
    concat(
      Array.from({ length: size }, () => rows),
      -1,
    );
  const wide = repeat(x); // [batch, height, width, size·channels]
  const tall = repeat(reshape(wide, [batch, height, width * size * channels]));
  return reshape(tall, [batch, height * size, width * size, channels]);
}

/**
 * Means of squares of `size` places that touch each other, as PyTorch's AvgPool2d(size); `size` divides
 * height and width. x [batch, height, width, channels] → [batch, height / size, width / size, channels].
 *
 * The gradient is one copy for each place, without a pooling kernel: tfjs's own is a slow loop.
 */
export function averagePool(x: Tensor, size: number): Tensor {
  if (size === 1) return x;
  return withGradient({
    inputs: [x],
    forward: () => avgPool(x as Tensor4D, size, size, "valid"),
    backward: (dy) => [enlarge(mul(dy, 1 / (size * size)), size)],
  });
}
