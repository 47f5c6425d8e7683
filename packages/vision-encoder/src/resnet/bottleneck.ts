import { averagePool } from "@clip-ts/core";
import { add, relu, type Tensor } from "@tensorflow/tfjs-core";
import { convolve, type ConvolveOptions, type NormMode } from "./convolve.ts";
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
  const at = (name: "bn1" | "bn2" | "bn3"): ConvolveOptions => ({
    norm: params[name],
    path: `${path}.${name}`,
    mode,
  });
  const narrowed = relu(convolve(params.conv1, x, at("bn1")));
  const seen = relu(convolve(params.conv2, narrowed, { ...at("bn2"), padding: 1 }));
  const branch = convolve(params.conv3, averagePool(seen, stride), at("bn3"));
  return relu(add(branch, shortcut(params, x, { path, stride, mode })));
}

/** The block's input in the shape of its output. */
function shortcut(
  { downsample }: BottleneckParams,
  x: Tensor,
  { path, stride, mode }: BottleneckOptions,
): Tensor {
  if (downsample === undefined) return x;
  const options = { norm: downsample[1], path: `${path}.downsample.1`, mode };
  return convolve(downsample[0], averagePool(x, stride), options);
}
