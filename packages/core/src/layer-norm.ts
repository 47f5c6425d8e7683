import {
  add,
  mean,
  mul,
  reshape,
  rsqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { withGradient } from "./custom-gradient.ts";
import { axisLength } from "./shape.ts";
import { type ParamSpec, ones, param, zeros } from "./spec.ts";

/** weight [dim], bias [dim]. */
export interface LayerNormParams<Leaf = Tensor> {
  readonly weight: Leaf;
  readonly bias: Leaf;
}

/** Spec of a layer norm that starts as the identity. */
export function layerNormSpec(dim: number): LayerNormParams<ParamSpec> {
  return { weight: param([dim], ones, "norm"), bias: param([dim], zeros, "norm") };
}

/** (x - mean) / √(variance + eps) of each row, with the reciprocal deviation. Population variance. */
function standardize(x: Tensor, eps: number): { normalized: Tensor; scale: Tensor } {
  const centred = sub(x, mean(x, -1, true));
  const scale = rsqrt(add(mean(square(centred), -1, true), eps)); // eps inside the root
  return { normalized: mul(centred, scale), scale };
}

function sumOverRows(x: Tensor): Tensor {
  return sum(reshape(x, [-1, axisLength(x, -1)]), 0);
}

/**
 * Layer normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450). x [..., dim] → same.
 * One node on the tape: only the normalised rows and their scales are kept for the gradient.
 */
export function layerNorm(params: LayerNormParams, x: Tensor, eps = 1e-5): Tensor {
  const { weight, bias } = params;
  return withGradient({
    inputs: [x, weight, bias],
    forward(save) {
      const { normalized, scale } = standardize(x, eps);
      save(normalized, scale, weight);
      return add(mul(normalized, weight), bias);
    },
    backward(dy, saved) {
      const [normalized, scale, gain] = saved as [Tensor, Tensor, Tensor];
      const inner = mul(dy, gain);
      const alongMean = mean(inner, -1, true);
      const alongRow = mul(normalized, mean(mul(inner, normalized), -1, true));
      return [
        mul(sub(sub(inner, alongMean), alongRow), scale),
        sumOverRows(mul(dy, normalized)),
        sumOverRows(dy),
      ];
    },
  });
}
