import {
  conv2d as tfConv2d,
  reshape,
  transpose,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { linear } from "./linear.ts";
import { axisLength } from "./shape.ts";
import { type Initialiser, type ParamSpec, param } from "./spec.ts";

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
