import {
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  normal,
  withTraits,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { expandDims, type Tensor } from "@tensorflow/tfjs-core";
import { poolFirstToken } from "./captions.ts";
import type { AltClipTextConfig, BertFamilyConfig, EncodedText, TextOptions } from "./config.ts";
import { encodeRoberta, robertaTextSpec, type RobertaTextParams } from "./roberta-tower.ts";

/** AltCLIP's text tower under its published names. */
export interface AltClipTextParams<Leaf = Tensor> {
  readonly roberta: RobertaTextParams<Leaf>;
  readonly pre_LN: LayerNormParams<Leaf>;
  /** weight [headWidth, dim], bias [headWidth] */
  readonly transformation: LinearParams<Leaf>;
}

/** The RoBERTa inside. */
const inner = ({ headWidth: _width, ...config }: AltClipTextConfig): BertFamilyConfig => ({
  ...config,
  kind: "roberta",
  pooling: "first",
});

/** Spec of the tower; every weight starts with deviation 0.02. */
export function altClipTextSpec(config: AltClipTextConfig): AltClipTextParams<ParamSpec> {
  const { width, headWidth, layers } = config;
  const head = { depth: layers + 1 };
  return {
    roberta: robertaTextSpec(inner(config)),
    pre_LN: withTraits(layerNormSpec(width), head),
    transformation: withTraits(linearSpec(width, headWidth, { weight: normal(0.02) }), head),
  };
}

/**
 * AltCLIP's text tower (Chen et al. 2022, arXiv:2211.06679): XLM-R, then a norm and a linear layer into the width
 * of the tower that it was taught by. ids [batch, tokens] int32 → the first token, [batch, headWidth].
 */
export function encodeAltClip(
  params: AltClipTextParams,
  ids: Tensor,
  config: AltClipTextConfig,
  options: TextOptions = {},
): EncodedText {
  const { lastHidden: hidden, pooled: first } = encodeRoberta(params.roberta, ids, inner(config), options);
  const wanted = options.onlyPooled === true ? expandDims(first, 1) : hidden;
  const lastHidden = linear(params.transformation, layerNorm(params.pre_LN, wanted, config.layerNormEps));
  return { pooled: poolFirstToken(lastHidden), lastHidden };
}
