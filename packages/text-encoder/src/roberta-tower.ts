import { embed, layerNorm, linear } from "@clip-ts/core";
import {
  paddingMask,
  postNormBlock,
  runBlocks,
  withDropout,
  type PostNormParts,
} from "@clip-ts/transformer";
import { add, slice, tanh, type Tensor } from "@tensorflow/tfjs-core";
import type { RobertaTextConfig } from "./config.ts";
import type { EncodedText } from "./encoded-text.ts";
import { maskPadding, positionsOf } from "./padding-mask.ts";
import { poolFirstToken, poolMax, poolMean } from "./pool-tokens.ts";
import { robertaDropout } from "./roberta-dropout.ts";
import type { RobertaLayerParams, RobertaTextParams } from "./roberta-spec.ts";
import type { TextOptions } from "./text-options.ts";

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

/** A block's parts under the names of `postNormBlock`. */
function partsOf({ attention, intermediate, output }: RobertaLayerParams): PostNormParts {
  return {
    attention: { ...attention.self, output: attention.output.dense },
    attentionNorm: attention.output.LayerNorm,
    mlp: { fc1: intermediate.dense, fc2: output.dense },
    mlpNorm: output.LayerNorm,
  };
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
 * RoBERTa (Liu et al. 2019, arXiv:1907.11692). ids [batch, tokens] int32; the attention mask is 1 where a
 * token may be seen, by default wherever it is no padding. Nothing is dropped unless the options say what.
 */
export function encodeRoberta(
  params: RobertaTextParams,
  ids: Tensor,
  config: RobertaTextConfig,
  options: TextOptions = {},
): EncodedText {
  const { attentionMask = maskPadding(ids, config.padTokenId), checkpoint } = options;
  const dropout = robertaDropout(config, ids, options);
  const lastHidden = runBlocks(
    params.encoder.layer,
    withDropout(embedWords(params, ids, config), dropout.embedded),
    (layer, hidden, inputs) => postNormBlock(partsOf(layer), hidden, config, inputs),
    { mask: paddingMask(attentionMask), checkpoint, dropout: dropout.blocks },
  );
  return { pooled: pool(params, lastHidden, attentionMask, config), lastHidden };
}
