import { axisLength, embed, embeddingSpec, withTraits, type EmbeddingParams, type ParamSpec } from "@clip-ts/core";
import { encoderSpec, type EncoderParams } from "@clip-ts/transformer";
import {
  add,
  argMax,
  cast,
  div,
  equal,
  expandDims,
  lessEqual,
  matMul,
  max,
  mul,
  notEqual,
  oneHot,
  range,
  slice,
  squeeze,
  sub,
  sum,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { BuiltInTextConfig } from "./config.ts";

/** Large enough that softmax gives exactly 0, small enough for half precision sums. */
const hiddenScore = -1e9;

/** 1 where a token is not padding. ids [batch, tokens] → int32, same shape. */
export function maskPadding(ids: Tensor, padTokenId: number): Tensor {
  return cast(notEqual(ids, padTokenId), "int32");
}

/** What to add to scores: 0 where the mask is 1, very negative where it is 0. [...] → same. */
function hideMasked(mask: Tensor): Tensor {
  return mul(sub(1, cast(mask, "float32")), hiddenScore);
}

/** [tokens, tokens]: 1 where the row's number is at most the column's, 0 elsewhere. */
function upperTriangle(tokens: number): Tensor {
  const positions = range(0, tokens, 1, "float32");
  return cast(lessEqual(expandDims(positions, 1), expandDims(positions, 0)), "float32");
}

/**
 * RoBERTa's positions: tokens are counted from padTokenId + 1, padding stays at padTokenId.
 * ids [batch, tokens] → int32, same shape. The count is a matmul, which every engine has.
 */
export function positionsOf(ids: Tensor, padTokenId: number): Tensor {
  const counts = cast(maskPadding(ids, padTokenId), "float32");
  const running = matMul(counts, upperTriangle(axisLength(ids, 1))); // [batch, tokens]
  return cast(add(mul(running, counts), padTokenId), "int32");
}

/**
 * [tokens, tokens]: 0 where a query may see a key, very negative where the key comes later. Computed, not
 * written down, so that a graph traced with it fits any number of tokens.
 */
export function causalMask(tokens: number): Tensor {
  return tidy(() => {
    const positions = range(0, tokens, 1, "float32");
    const isSeen = lessEqual(expandDims(positions, 0), expandDims(positions, 1)); // [query, key]
    return mul(sub(cast(isSeen, "float32"), 1), -hiddenScore);
  });
}

/** Token and position tables of CLIP's and SigLIP's text towers. */
export interface CaptionEmbeddings<Leaf = Tensor> {
  /** weight [vocab, dim] */
  readonly token_embedding: EmbeddingParams<Leaf>;
  /** weight [contextLength, dim] */
  readonly position_embedding: EmbeddingParams<Leaf>;
}

/** Both tables, normal with the given deviations, at the tower's start. */
export function captionEmbeddingsSpec(
  { vocabSize, contextLength, width }: BuiltInTextConfig,
  deviations: { readonly tokens: number; readonly positions: number },
): CaptionEmbeddings<ParamSpec> {
  const tables = {
    token_embedding: embeddingSpec(vocabSize, width, deviations.tokens),
    position_embedding: embeddingSpec(contextLength, width, deviations.positions),
  };
  return withTraits(tables, { depth: 0 });
}

/** Tokens plus the first positions. ids [batch, tokens] → [batch, tokens, dim]. */
export function embedCaptions(
  { token_embedding, position_embedding }: CaptionEmbeddings,
  ids: Tensor,
  { width }: BuiltInTextConfig,
): Tensor {
  const positions = slice(position_embedding.weight, [0, 0], [axisLength(ids, 1), width]);
  return add(embed(token_embedding, ids), positions);
}

/** Where each caption's first end token stands. ids [batch, tokens] → [batch, tokens], one 1 a row. */
export function endTokens(ids: Tensor, endTokenId: number): Tensor {
  const isEnd = cast(equal(ids, endTokenId), "int32");
  const position = argMax(isEnd, 1); // the first of equal values
  return cast(oneHot(position, axisLength(ids, 1)), "float32");
}

/** The marked token of each caption. hidden [batch, tokens, dim], marks [batch, tokens] → [batch, 1, dim]. */
export function markedToken(hidden: Tensor, marks: Tensor): Tensor {
  return sum(mul(hidden, expandDims(marks, 2)), 1, true);
}

/** Each caption's token at a fixed position. hidden [batch, tokens, dim] → [batch, 1, dim]. */
export function tokenAt(hidden: Tensor, position: number): Tensor {
  return slice(hidden, [0, position, 0], [-1, 1, -1]);
}

/** Each caption's token at a fixed position. hidden [batch, tokens, dim] → [batch, dim]. */
function poolPosition(hidden: Tensor, position: number): Tensor {
  return squeeze(tokenAt(hidden, position), [1]);
}

/** Each caption's first token. hidden [batch, tokens, dim] → [batch, dim]. */
export function poolFirstToken(hidden: Tensor): Tensor {
  return poolPosition(hidden, 0);
}

/** The last token of each row, padding or not. hidden [batch, tokens, dim] → [batch, dim]. */
export function poolLastToken(hidden: Tensor): Tensor {
  return poolPosition(hidden, axisLength(hidden, 1) - 1);
}

/** Mean of each caption's tokens. mask [batch, tokens] is 1 where a token counts → [batch, dim]. */
function poolMean(hidden: Tensor, mask: Tensor): Tensor {
  const counted = cast(mask, "float32");
  return div(sum(mul(hidden, expandDims(counted, 2)), 1), sum(counted, 1, true));
}

/** Largest value over each caption's tokens. mask [batch, tokens] as above → [batch, dim]. */
function poolMax(hidden: Tensor, mask: Tensor): Tensor {
  return max(add(hidden, expandDims(hideMasked(mask), 2)), 1);
}

/** What stands for a caption where its tokens are pooled without parameters. */
export type TokenPooling = "first" | "mean" | "max";

/** The first of a caption's tokens, or mean or largest values of all. mask [batch, tokens] as above → [batch, dim]. */
export function poolTokens(pooling: TokenPooling, hidden: Tensor, mask: Tensor): Tensor {
  if (pooling === "first") return poolFirstToken(hidden);
  return pooling === "mean" ? poolMean(hidden, mask) : poolMax(hidden, mask);
}

/**
 * The blocks of a pre-norm text tower. What the first MLP adds is exact: words' embeddings are small
 * beside it, and all that follows reads the sum. With it rounded to bf16, losses of the reference run
 * were up to 0.044 away from PyTorch's.
 */
export function textStackSpec(config: BuiltInTextConfig): EncoderParams<ParamSpec> {
  const [first, ...rest] = encoderSpec(config).layers;
  if (first === undefined) return { layers: [] };
  const fc2 = withTraits(first.mlp.fc2, { precision: "exact" });
  return { layers: [{ ...first, mlp: { ...first.mlp, fc2 } }, ...rest] };
}
