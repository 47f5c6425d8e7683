import { axisLength, layerNorm, layerNormSpec, withTraits, type LayerNormParams, type ParamSpec } from "@clip-ts/core";
import { encode, type EncoderParams, type WantedTokens } from "@clip-ts/transformer";
import { matMul, reshape, slice, squeeze, type Tensor } from "@tensorflow/tfjs-core";
import {
  captionEmbeddingsSpec,
  causalMask,
  embedCaptions,
  endTokens,
  markedToken,
  textStackSpec,
  tokenAt,
  type CaptionEmbeddings,
} from "./captions.ts";
import type { CausalTextConfig, EncodedText, TextOptions } from "./config.ts";

/** CLIP's text tower under its published names. */
export interface CausalTextParams<Leaf = Tensor> {
  readonly embeddings: CaptionEmbeddings<Leaf>;
  readonly encoder: EncoderParams<Leaf>;
  readonly final_layer_norm: LayerNormParams<Leaf>;
}

/** Spec of the tower, started as OpenAI's: tokens with deviation 0.02, positions with 0.01. */
export function causalTextSpec(config: CausalTextConfig): CausalTextParams<ParamSpec> {
  return {
    embeddings: captionEmbeddingsSpec(config, { tokens: 0.02, positions: 0.01 }),
    encoder: textStackSpec(config),
    final_layer_norm: withTraits(layerNormSpec(config.width, config.norms), { depth: config.layers }),
  };
}

/** Each caption's token at a fixed position, and what it may see. */
function fixedToken(position: number, tokens: number, mask: Tensor | undefined): WantedTokens {
  return {
    pick: (x) => tokenAt(x, position),
    mask: mask === undefined ? undefined : slice(mask, [position, 0], [1, tokens]),
  };
}

/** Each caption's first end token, and what it may see: its row of the mask [tokens, tokens]. */
function endToken(ids: Tensor, endTokenId: number, mask: Tensor | undefined): WantedTokens {
  const marks = endTokens(ids, endTokenId);
  const [batch, tokens] = [axisLength(ids, 0), axisLength(ids, 1)];
  const rows = mask === undefined ? undefined : reshape(matMul(marks, mask), [batch, 1, 1, tokens]);
  return { pick: (x) => markedToken(x, marks), mask: rows };
}

/** The token that the config pools, and what it may see. */
function wantedOf({ pooling, endTokenId }: CausalTextConfig, ids: Tensor, mask: Tensor | undefined): WantedTokens {
  const tokens = axisLength(ids, 1);
  if (pooling === "last") return fixedToken(tokens - 1, tokens, mask);
  return pooling === "first" ? fixedToken(0, tokens, mask) : endToken(ids, endTokenId, mask);
}

/**
 * CLIP's text transformer (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `encode_text`).
 * ids [batch, tokens] int32 with tokens ≤ contextLength, each row ending in the end token and then
 * padding of any kind. Where attention is causal and the end token is pooled, what follows it changes
 * nothing: a batch then needs only as many tokens as its longest caption.
 */
export function encodeCausal(
  params: CausalTextParams,
  ids: Tensor,
  config: CausalTextConfig,
  { checkpoint, onlyPooled = false }: TextOptions = {},
): EncodedText {
  const embedded = embedCaptions(params.embeddings, ids, config);
  const mask = config.causal === false ? undefined : causalMask(axisLength(ids, 1));
  const pooledToken = wantedOf(config, ids, mask);
  const encoded = encode(params.encoder, embedded, config, {
    mask,
    checkpoint,
    wanted: onlyPooled ? pooledToken : undefined,
  });
  const lastHidden = layerNorm(params.final_layer_norm, encoded, config.layerNormEps);
  const pooled = squeeze(onlyPooled ? lastHidden : pooledToken.pick(lastHidden), [1]);
  return { pooled, lastHidden };
}
