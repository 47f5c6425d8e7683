import { ClipError } from "@clip-ts/base";
import {
  concat,
  depthwiseConv2d as tfDepthwiseConv2d,
  gather,
  mul,
  pad,
  range,
  reshape,
  slice,
  sum,
  transpose,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { withGradient } from "./gradient.ts";
import { axisLength } from "./shape.ts";
import { param, type Initialiser, type ParamSpec } from "./spec.ts";
import type { Conv2dParams } from "./convolution.ts";

/** Spec of a square convolution of every channel by itself, weight [channels, 1, kernel, kernel], without bias. */
export function depthwiseConv2dSpec(
  channels: number,
  options: { readonly kernel: number; readonly weight: Initialiser },
): Conv2dParams<ParamSpec> {
  const { kernel, weight } = options;
  return { weight: param([channels, 1, kernel, kernel], weight, "matrix") };
}

/** How a filter moves, and the zeros around the picture: at the top and left, and at the bottom and right. */
export interface DepthwiseOptions {
  readonly stride?: number;
  readonly padding?: readonly [before: number, after: number];
}

const none: [number, number] = [0, 0];

/** Zeros around height and width. x [batch, height, width, channels]. */
function padded(x: Tensor, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return x;
  return pad(x, [none, [before, after], [before, after], none]);
}

/** weight [channels, 1, kernel, kernel] → tfjs's filter [kernel, kernel, channels, 1]. */
const filterOf = (weight: Tensor): Tensor4D => transpose(weight as Tensor4D, [2, 3, 0, 1]);

/** Every row and column followed by `stride - 1` of zeros. x [batch, h, w, c] → [batch, h · stride, w · stride, c]. */
function spread(x: Tensor, stride: number): Tensor {
  if (stride === 1) return x;
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const more: [number, number] = [0, stride - 1];
  const wide = pad(reshape(x, [batch * height, width, 1, channels]), [none, none, more, none]);
  const tall = pad(reshape(wide, [batch, height, 1, width * stride * channels]), [none, none, more, none]);
  return reshape(tall, [batch, height * stride, width * stride, channels]);
}

/** The picture's gradient: dy, spread by the stride, through the filter rotated by 180 degrees. */
function pictureGradient(
  dy: Tensor,
  weight: Tensor,
  { side, stride }: { side: readonly number[]; stride: number },
): Tensor {
  const [channels, kernel] = [axisLength(weight, 0), axisLength(weight, 2)];
  const taps = kernel * kernel;
  const turned = gather(reshape(weight, [channels, taps]), range(taps - 1, -1, -1, "int32"), 1);
  const spreadOut = spread(dy, stride);
  const after = [1, 2].map((axis): [number, number] => [
    kernel - 1,
    (side[axis] ?? 0) - axisLength(spreadOut, axis),
  ]) as [[number, number], [number, number]];
  const around = pad(spreadOut, [none, ...after, none]) as Tensor4D;
  return tfDepthwiseConv2d(around, filterOf(reshape(turned, [channels, 1, kernel, kernel])), 1, "valid");
}

/** Rows and columns of x that come every `stride`, by which of them they start with. → [stride²] of [batch, h, w, c]. */
function phases(x: Tensor, stride: number): Tensor[] {
  if (stride === 1) return [x];
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const whole = pad(x, [none, [0, rows * stride - height], [0, columns * stride - width], none]);
  const byRow = reshape(whole, [batch, rows, stride, columns * stride * channels]);
  return Array.from({ length: stride }, (_, row) => {
    const line = reshape(slice(byRow, [0, 0, row, 0], [-1, -1, 1, -1]), [batch * rows, columns, stride, channels]);
    return Array.from({ length: stride }, (__, column) =>
      reshape(slice(line, [0, 0, column, 0], [-1, -1, 1, -1]), [batch, rows, columns, channels]),
    );
  }).flat();
}

/** The filter's gradient: for each of its taps, the sum of dy times what the tap met. → [channels, 1, kernel, kernel]. */
function filterGradient(x: Tensor, dy: Tensor, { kernel, stride }: { kernel: number; stride: number }): Tensor {
  const [height, width, channels] = [axisLength(dy, 1), axisLength(dy, 2), axisLength(dy, 3)];
  const parts = phases(x, stride);
  const taps = Array.from({ length: kernel * kernel }, (_, tap) => {
    const [row, column] = [Math.floor(tap / kernel), tap % kernel];
    const part = parts[(row % stride) * stride + (column % stride)] as Tensor;
    const start = [0, Math.floor(row / stride), Math.floor(column / stride), 0];
    const met = slice(part, start, [-1, height, width, -1]);
    return reshape(sum(reshape(mul(met, dy), [-1, channels]), 0), [1, channels]); // in one order in any layout
  });
  return reshape(transpose(concat(taps, 0)), [channels, 1, kernel, kernel]);
}

/**
 * Cross-correlation of every channel with a filter of its own.
 * x [batch, height, width, channels], weight [channels, 1, kernel, kernel] → the same with height and width of the
 * places that the filter visits. Its gradients are made of convolutions and sums, which every backend has.
 * @throws ClipError "bad-argument" for a stride that leaves places out, longer than the filter.
 */
export function depthwiseConv2d(
  { weight }: Conv2dParams,
  x: Tensor,
  { stride = 1, padding: [before, after] = [0, 0] }: DepthwiseOptions = {},
): Tensor {
  const kernel = axisLength(weight, 2);
  if (stride > kernel) {
    throw new ClipError("bad-argument", `A filter of ${kernel} cannot move by ${stride}: it would leave places out.`, {
      data: { kernel, stride },
    });
  }
  const picture = padded(x, before, after);
  return withGradient({
    inputs: [picture, weight],
    forward(save) {
      save(picture, weight);
      return tfDepthwiseConv2d(picture as Tensor4D, filterOf(weight), stride, "valid");
    },
    backward(dy, saved) {
      const [kept, filter] = saved as [Tensor, Tensor];
      return [pictureGradient(dy, filter, { side: kept.shape, stride }), filterGradient(kept, dy, { kernel, stride })];
    },
  });
}
