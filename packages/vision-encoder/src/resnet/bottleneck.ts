import { averagePool, conv2d } from "@clip-ts/core";
import { add, relu, type Tensor } from "@tensorflow/tfjs-core";
import { normalize, type NormMode } from "./normalize.ts";
import type { BottleneckParams } from "./spec.ts";

/** Where a block stands and what it does to the size. */
export interface BottleneckOptions {
  /** Path in the tower, such as "layer2.0". */
  readonly path: string;
  /** 2 halves height and width. */
  readonly stride: number;
  readonly mode: NormMode;
}

/**
 * A residual block. Strides are means over squares of places, before the last convolution and on the
 * shortcut, so that no place is skipped (Zhang 2019, arXiv:1904.11486).
 * x [batch, height, width, in] → [batch, height / stride, width / stride, out].
 */
export function bottleneck(
  params: BottleneckParams,
  x: Tensor,
  { path, stride, mode }: BottleneckOptions,
): Tensor {
  const narrowed = relu(normalize(params.bn1, conv2d(params.conv1, x), `${path}.bn1`, mode));
  const seen = conv2d(params.conv2, narrowed, { padding: 1 });
  const pooled = averagePool(relu(normalize(params.bn2, seen, `${path}.bn2`, mode)), stride);
  const branch = normalize(params.bn3, conv2d(params.conv3, pooled), `${path}.bn3`, mode);
  return relu(add(branch, shortcut(params, x, { path, stride, mode })));
}

/** The block's input in the shape of its output. */
function shortcut(
  { downsample }: BottleneckParams,
  x: Tensor,
  { path, stride, mode }: BottleneckOptions,
): Tensor {
  if (downsample === undefined) return x;
  const resized = conv2d(downsample[0], averagePool(x, stride));
  return normalize(downsample[1], resized, `${path}.downsample.1`, mode);
}
