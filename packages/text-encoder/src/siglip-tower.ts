import {
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  mapTree,
  normal,
  uniform,
  withTraits,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { encode, type EncoderParams } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import {
  captionEmbeddingsSpec,
  embedCaptions,
  poolLastToken,
  textStackSpec,
  type CaptionEmbeddings,
} from "./captions.ts";
import type { EncodedText, SiglipTextConfig, TextOptions } from "./config.ts";

/** SigLIP's text tower under its published names. */
export interface SiglipTextParams<Leaf = Tensor> {
  readonly embeddings: CaptionEmbeddings<Leaf>;
  readonly encoder: EncoderParams<Leaf>;
  readonly final_layer_norm: LayerNormParams<Leaf>;
  /** weight [headWidth, dim], bias [headWidth] */
  readonly head: LinearParams<Leaf>;
}

/** Uniform weights of variance 2 / (in + out) (Glorot & Bengio 2010), the rest as it was. */
function glorot(leaf: ParamSpec): ParamSpec {
  const [outputs, inputs] = leaf.shape;
  if (outputs === undefined || inputs === undefined) return leaf;
  return { ...leaf, init: uniform(Math.sqrt(6 / (inputs + outputs))) };
}

/** Spec of the tower, started as SigLIP's: tables and head with deviation dim^-½, Glorot inside. */
export function siglipTextSpec(config: SiglipTextConfig): SiglipTextParams<ParamSpec> {
  const { width, headWidth, layers } = config;
  const std = width ** -0.5;
  return {
    embeddings: captionEmbeddingsSpec(config, { tokens: std, positions: std }),
    encoder: mapTree<EncoderParams<ParamSpec>, ParamSpec, ParamSpec>(textStackSpec(config), glorot),
    final_layer_norm: withTraits(layerNormSpec(width, config.norms), { depth: layers }),
    head: withTraits(linearSpec(width, headWidth, { weight: normal(std) }), { depth: layers + 1 }),
  };
}

/**
 * SigLIP's text transformer (Zhai et al. 2023; big_vision `text_transformer.py`). ids [batch, tokens]
 * int32, padded to the context the model was trained with: padding is read like any other token.
 */
export function encodeSiglip(
  params: SiglipTextParams,
  ids: Tensor,
  config: SiglipTextConfig,
  { checkpoint }: TextOptions = {},
): EncodedText {
  const embedded = embedCaptions(params.embeddings, ids, config);
  const encoded = encode(params.encoder, embedded, config, { checkpoint });
  const lastHidden = layerNorm(params.final_layer_norm, encoded, config.layerNormEps);
  return { pooled: linear(params.head, poolLastToken(lastHidden)), lastHidden };
}
