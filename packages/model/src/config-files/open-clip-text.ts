import type { Activation } from "@clip-ts/core";
import type { HeadKind } from "@clip-ts/projection";
import type { CausalTextConfig, SiglipTextConfig } from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import { formatLanguageTower, isLanguageTower, parseLanguageTower } from "./open-clip-language.ts";
import {
  activationOf,
  blockKeys,
  blocksOf,
  formatActivation,
  formatBlocks,
  mlpRatioOf,
  mlpWidthOf,
  refuseForOpenClip,
  withoutUsual,
  type OpenClipContext,
  type TextSide,
} from "./open-clip-style.ts";
import type { Json, Section } from "./section.ts";

/** What open_clip takes where a key is missing. */
const usual = {
  mlp_ratio: 4,
  no_causal_mask: false,
  pool_type: "argmax",
  eos_id: 2,
  pad_id: 0,
  proj_bias: false,
  proj_type: "linear",
} as const;

function parseStack(section: Section, quickGelu: boolean): TransformerConfig {
  const width = section.positive("width", 512);
  const heads = section.positive("heads", 8);
  if (width % heads !== 0) section.refuse("heads", `a divisor of the width ${width}`);
  return {
    width,
    heads,
    layers: section.layers("layers", 12),
    mlpWidth: mlpWidthOf(section, width),
    ...activationOf(section, quickGelu),
    ...blocksOf(section),
  };
}

const poolTypes = ["argmax", "eos", "last", "first"] as const;
type PoolType = (typeof poolTypes)[number];

function poolTypeOf(section: Section): PoolType {
  if (section.json["pool_type"] === "none") {
    section.refuse("pool_type", `one of ${poolTypes.join(", ")} ("none" leaves a caption without one feature)`);
  }
  return section.choice("pool_type", poolTypes, usual.pool_type);
}

function parseHead(section: Section): HeadKind {
  const type = section.choice("proj_type", ["linear", "none"], usual.proj_type);
  if (type === "none") return "none";
  return section.flag("proj_bias", usual.proj_bias) ? "affine" : "linear";
}

/** SigLIP's tower ends in a head with a bias, which is the tower's own for us. */
function parseSiglip(section: Section, stack: TransformerConfig, { embedDim }: OpenClipContext): SiglipTextConfig {
  return {
    kind: "siglip",
    ...stack,
    vocabSize: section.vocabulary("vocab_size", 49408),
    contextLength: section.tokens("context_length", 77),
    padTokenId: 1, // SigLIP's tokenizer pads with its end token; the file does not say so
    endTokenId: 1,
    headWidth: embedDim,
  };
}

function parseCausal(
  section: Section,
  stack: TransformerConfig,
  { isUnmasked, poolType }: { readonly isUnmasked: boolean; readonly poolType: PoolType },
): CausalTextConfig {
  const vocabSize = section.vocabulary("vocab_size", 49408);
  return {
    ...stack,
    vocabSize,
    contextLength: section.tokens("context_length", 77),
    startTokenId: Math.max(vocabSize - 2, 0),
    endTokenId: poolType === "eos" ? section.tokenId("eos_id", vocabSize, usual.eos_id) : vocabSize - 1,
    padTokenId: section.tokenId("pad_id", vocabSize, usual.pad_id),
    ...(isUnmasked && { causal: false }),
    ...((poolType === "last" || poolType === "first") && { pooling: poolType }),
  };
}

/** Every key that `text_cfg` may have. */
const knownKeys = [
  "context_length",
  "vocab_size",
  "hf_tokenizer_name",
  "tokenizer_mode",
  "tokenizer_kwargs",
  "width",
  "heads",
  "layers",
  "mlp_ratio",
  "embed_cls",
  "pad_id",
  "eos_id",
  "no_causal_mask",
  "final_ln_after_pool", // no tower of open_clip's reads it
  "pool_type",
  "proj_bias",
  "proj_type",
  "output_tokens",
  "act_kwargs",
  "norm_kwargs",
  ...blockKeys,
  "hf_model_name",
  "hf_model_pretrained",
  "hf_proj_type",
  "hf_pooler_type",
];

/** Reads `text_cfg`. */
export function parseOpenClipText(section: Section, context: OpenClipContext): TextSide {
  section.onlyKeys(knownKeys);
  if (section.has("hf_model_name")) return parseLanguageTower(section, context);
  if (section.flag("embed_cls", false)) {
    section.refuse("embed_cls", "false: only CoCa's text tower has a token of its own, which is not computed here");
  }
  const stack = parseStack(section, context.quickGelu);
  const poolType = poolTypeOf(section);
  const isUnmasked = section.flag("no_causal_mask", usual.no_causal_mask);
  const textHead = parseHead(section);
  if (context.isSiglipVision && textHead === "affine") {
    // weights name the head of a tower beside SigLIP's as SigLIP's own
    if (!isUnmasked || poolType !== "last") section.refuse("proj_bias", "false beside this tower");
    return { text: parseSiglip(section, stack, context), textHead: "none" };
  }
  return { text: parseCausal(section, stack, { isUnmasked, poolType }), textHead };
}

function poolingKeys({ pooling, endTokenId, vocabSize }: CausalTextConfig): Json {
  if (pooling === "last" || pooling === "first") return { pool_type: pooling };
  return endTokenId === vocabSize - 1 ? {} : { pool_type: "eos", eos_id: endTokenId };
}

/** The keys in which CLIP's tower and SigLIP's differ. */
function kindKeys(text: CausalTextConfig | SiglipTextConfig, head: HeadKind): Json {
  if (text.kind === "siglip") return { no_causal_mask: true, pool_type: "last", proj_bias: true };
  return {
    no_causal_mask: text.causal === false,
    ...poolingKeys(text),
    proj_bias: head === "affine",
    proj_type: head === "none" ? "none" : "linear",
    pad_id: text.padTokenId,
  };
}

/** Writes `text_cfg`; `activation` is what open_clip takes without further keys. */
export function formatOpenClipText(
  { text, textHead }: TextSide,
  { activation }: { readonly activation: Activation },
): Json {
  if (isLanguageTower(text)) return formatLanguageTower(text, textHead);
  if (text.kind === "altclip") return refuseForOpenClip("AltCLIP's text tower");
  if (textHead === "mlp") return refuseForOpenClip("an MLP head behind this tower");
  const keys = {
    context_length: text.contextLength,
    vocab_size: text.vocabSize,
    width: text.width,
    heads: text.heads,
    layers: text.layers,
    mlp_ratio: mlpRatioOf(text),
    ...formatBlocks(text),
    ...formatActivation(text, activation),
    ...kindKeys(text, textHead),
  };
  return withoutUsual(keys, usual);
}
