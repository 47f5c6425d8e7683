import {
  add,
  div,
  gather,
  matMul,
  maximum,
  mean,
  mul,
  reshape,
  rsqrt,
  scatterND,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { withGradient } from "./gradient.ts";
import { axisLength } from "./shape.ts";
import { normal, ones, param, zeros, type Initialiser, type ParamRole, type ParamSpec } from "./spec.ts";

/** weight [out, in] as checkpoints keep it, bias [out]. */
export interface LinearParams<Leaf = Tensor> {
  readonly weight: Leaf;
  readonly bias?: Leaf;
}

/** Spec of a linear layer, a matrix unless it is a head; `bias: false` leaves the bias out. */
export function linearSpec(
  inputs: number,
  outputs: number,
  options: {
    readonly weight: Initialiser;
    readonly bias?: Initialiser | false;
    readonly role?: Extract<ParamRole, "matrix" | "head">;
  },
): LinearParams<ParamSpec> {
  const weight = param([outputs, inputs], options.weight, options.role ?? "matrix");
  if (options.bias === false) return { weight };
  return { weight, bias: param([outputs], options.bias ?? zeros, "bias") };
}

/** x · weightᵀ + bias. x [..., in] → [..., out]. */
export function linear(params: LinearParams, x: Tensor): Tensor {
  const rows = reshape(x, [-1, axisLength(x, -1)]); // [rows, in]
  const y = matMul(rows, params.weight, false, true); // [rows, out]
  const shifted = params.bias === undefined ? y : add(y, params.bias);
  return reshape(shifted, [...x.shape.slice(0, -1), axisLength(params.weight, 0)]);
}

/** weight [entries, dim]. */
export interface EmbeddingParams<Leaf = Tensor> {
  readonly weight: Leaf;
}

/** Spec of a table of `entries` rows of `dim` values, normal with the given deviation. */
export function embeddingSpec(entries: number, dim: number, std: number): EmbeddingParams<ParamSpec> {
  return { weight: param([entries, dim], normal(std), "embedding") };
}

/**
 * Rows of the table. ids [...] int32 → [..., dim].
 *
 * The gradient adds the rows of equal ids up with `scatterND`: tfjs's own gradient of `gather` needs a
 * kernel that the wasm backend lacks and that the cpu backend runs over the whole vocabulary.
 */
export function embed(params: EmbeddingParams, ids: Tensor): Tensor {
  const [entries, dim] = [axisLength(params.weight, 0), axisLength(params.weight, 1)];
  const rows = withGradient({
    inputs: [params.weight],
    forward(save) {
      const flatIds = reshape(ids, [-1, 1]);
      save(flatIds);
      return gather(params.weight, reshape(flatIds, [-1]));
    },
    backward: (dy, [flatIds]) => [scatterND(flatIds as Tensor, dy, [entries, dim])],
  });
  return reshape(rows, [...ids.shape, dim]);
}

/** weight [dim], bias [dim]; a norm may lack the bias, or both. */
export interface LayerNormParams<Leaf = Tensor> {
  readonly weight?: Leaf;
  readonly bias?: Leaf;
}

/** What a layer norm learns: gain and shift, the gain alone, or nothing. */
export type NormKind = "affine" | "gain" | "plain";

/** Spec of a layer norm that starts as the identity. */
export function layerNormSpec(dim: number, kind: NormKind = "affine"): LayerNormParams<ParamSpec> {
  return {
    ...(kind !== "plain" && { weight: param([dim], ones, "norm") }),
    ...(kind === "affine" && { bias: param([dim], zeros, "norm") }),
  };
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
export function layerNorm({ weight, bias }: LayerNormParams, x: Tensor, eps = 1e-5): Tensor {
  return withGradient({
    inputs: [x, ...(weight === undefined ? [] : [weight]), ...(bias === undefined ? [] : [bias])],
    forward(save) {
      const { normalized, scale } = standardize(x, eps);
      save(normalized, scale, ...(weight === undefined ? [] : [weight]));
      const scaled = weight === undefined ? normalized : mul(normalized, weight);
      return bias === undefined ? scaled : add(scaled, bias);
    },
    backward(dy, saved) {
      const [normalized, scale, gain] = saved as [Tensor, Tensor, Tensor?];
      const inner = gain === undefined ? dy : mul(dy, gain);
      const meanPart = mean(inner, -1, true);
      const normalizedPart = mul(normalized, mean(mul(inner, normalized), -1, true));
      return [
        mul(sub(sub(inner, meanPart), normalizedPart), scale),
        ...(gain === undefined ? [] : [sumOverRows(mul(dy, normalized))]),
        ...(bias === undefined ? [] : [sumOverRows(dy)]),
      ];
    },
  });
}

/** Rows scaled to length 1; a row shorter than 1e-12 is divided by that instead. x [..., dim] → same. */
export function l2Normalize(x: Tensor): Tensor {
  const squaredLength = sum(square(x), -1, true);
  // The bound stands inside the root: outside it, a row of zeros would have a gradient of NaN.
  return div(x, sqrt(maximum(squaredLength, 1e-24)));
}

/** What changes an attention's weights; both broadcast to [batch, heads, queries, tokens]. */
export interface AttentionChanges {
  /** Added to the scores: its large negative entries hide a key from a query. */
  readonly mask?: Tensor | undefined;
  /** Multiplied with the weights after the softmax, as dropout does. */
  readonly factor?: Tensor | undefined;
  /** What the scores are multiplied by; 1 / √headDim by default. */
  readonly scale?: number | undefined;
}

/**
 * softmax(queries · keysᵀ · scale + mask) · factor · values (Vaswani et al. 2017, arXiv:1706.03762).
 * queries [batch, heads, queries, headDim], keys, values [batch, heads, tokens, headDim] → as queries.
 */
export function dotProductAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  { mask, factor, scale = 1 / Math.sqrt(axisLength(queries, -1)) }: AttentionChanges = {},
): Tensor {
  const scaled = scale === 1 ? queries : mul(queries, scale);
  const scores = matMul(scaled, keys, false, true); // [batch, heads, queries, tokens]
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  return matMul(factor === undefined ? weights : mul(weights, factor), values);
}
