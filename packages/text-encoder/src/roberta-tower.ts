import { embed, layerNorm, linear } from "@clip-ts/core";
import { mlp, selfAttention } from "@clip-ts/transformer";
import { add, expandDims, slice, tanh, type Tensor } from "@tensorflow/tfjs-core";
import type { RobertaTextConfig } from "./config.ts";
import type { EncodedText } from "./encoded-text.ts";
import { hideMasked, maskPadding, positionsOf } from "./padding-mask.ts";
import { poolFirstToken, poolMax, poolMean } from "./pool-tokens.ts";
import type { RobertaLayerParams, RobertaTextParams } from "./roberta-spec.ts";

/** Words, positions and type 0, normed. ids [batch, tokens] → [batch, tokens, dim]. */
function embedWords(
  { embeddings }: RobertaTextParams,
  ids: Tensor,
  { padTokenId, width, layerNormEps }: RobertaTextConfig,
): Tensor {
  const words = embed(embeddings.word_embeddings, ids);
  const positions = embed(embeddings.position_embeddings, positionsOf(ids, padTokenId));
  const firstType = slice(embeddings.token_type_embeddings.weight, [0, 0], [1, width]);
  return layerNorm(embeddings.LayerNorm, add(add(words, firstType), positions), layerNormEps);
}

/** Post-norm block: norm(x + attention(x)), then the same with the MLP. x [batch, tokens, dim]. */
function robertaLayer(
  { attention, intermediate, output }: RobertaLayerParams,
  x: Tensor,
  { heads, activation, layerNormEps }: RobertaTextConfig,
  mask: Tensor,
): Tensor {
  const projections = {
    q_proj: attention.self.query,
    k_proj: attention.self.key,
    v_proj: attention.self.value,
    out_proj: attention.output.dense,
  };
  const looked = selfAttention(projections, x, { heads, mask });
  const attended = layerNorm(attention.output.LayerNorm, add(x, looked), layerNormEps);
  const thought = mlp({ fc1: intermediate.dense, fc2: output.dense }, attended, activation);
  return layerNorm(output.LayerNorm, add(attended, thought), layerNormEps);
}

function pool(
  params: RobertaTextParams,
  hidden: Tensor,
  mask: Tensor,
  { pooling }: RobertaTextConfig,
): Tensor {
  switch (pooling) {
    case "first":
      return poolFirstToken(hidden);
    case "mean":
      return poolMean(hidden, mask);
    case "max":
      return poolMax(hidden, mask);
    case "pooler":
      return tanh(linear(params.pooler!.dense, poolFirstToken(hidden)));
  }
}

/**
 * RoBERTa (Liu et al. 2019, arXiv:1907.11692) without its dropout. ids [batch, tokens] int32;
 * attentionMask [batch, tokens] is 1 where a token may be seen, by default wherever it is no padding.
 */
export function encodeRoberta(
  params: RobertaTextParams,
  ids: Tensor,
  config: RobertaTextConfig,
  attentionMask: Tensor = maskPadding(ids, config.padTokenId),
): EncodedText {
  const scores = expandDims(expandDims(hideMasked(attentionMask), 1), 1); // [batch, 1, 1, tokens]
  let hidden = embedWords(params, ids, config);
  for (const layer of params.encoder.layer) hidden = robertaLayer(layer, hidden, config, scores);
  return { pooled: pool(params, hidden, attentionMask, config), lastHidden: hidden };
}
