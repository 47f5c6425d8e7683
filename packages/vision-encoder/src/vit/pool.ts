import { layerNorm, linear } from "@clip-ts/core";
import { mean, slice, squeeze, tanh, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import { attentionHead } from "./attention-head.ts";
import type { VitParams } from "./spec.ts";

/** Whether the class token is all that is pooled. */
export const poolsClassToken = ({ head }: VitParams, { pooling }: VitConfig): boolean =>
  head === undefined && pooling !== "mean";

/** The first token of each image. x [batch, tokens, dim] → [batch, 1, dim]. */
export const classToken = (x: Tensor): Tensor => slice(x, [0, 0, 0], [-1, 1, -1]);

/** One feature for each image. tokens [batch, tokens, dim], before the last norm → [batch, dim]. */
export function pool(params: VitParams, tokens: Tensor, config: VitConfig): Tensor {
  const normed = (x: Tensor): Tensor => layerNorm(params.post_layernorm, x, config.layerNormEps);
  if (params.head !== undefined) return attentionHead(params.head, normed(tokens), config);
  if (config.pooling === "mean") {
    const first = config.classToken === false ? 0 : 1; // the class token is not counted
    return mean(slice(normed(tokens), [0, first, 0], [-1, -1, -1]), 1);
  }
  const pooled = normed(squeeze(classToken(tokens), [1]));
  return params.pooler === undefined ? pooled : tanh(linear(params.pooler.dense, pooled));
}
