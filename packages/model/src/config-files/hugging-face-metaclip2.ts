import { initialLogitScale } from "@clip-ts/projection";
import type { CausalTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import {
  clipTextDefaults,
  clipVisionDefaults,
  formatHuggingFaceClip,
  hasOldEndToken,
  isClipVit,
  isPlainClipText,
  parseTraining,
  parseTransformer,
  parseVit,
} from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** Where Hugging Face's `MetaClip2TextConfig` has padding, if the file does not say it. */
const usualPadding = 1;

/** Unlike CLIP's, an end token of 2 is what it says. */
function parseText(text: Section): CausalTextConfig {
  const vocabSize = text.vocabulary("vocab_size", 49408);
  const endTokenId = text.tokenId("eos_token_id", vocabSize, 49407);
  return {
    ...parseTransformer(text, clipTextDefaults),
    vocabSize,
    contextLength: text.tokens("max_position_embeddings", 77),
    startTokenId: text.tokenId("bos_token_id", vocabSize, Math.max(endTokenId - 1, 0)),
    endTokenId,
    padTokenId: text.tokenId("pad_token_id", vocabSize, usualPadding),
  };
}

/** Reads model type "metaclip_2" (Chuang et al. 2025, arXiv:2507.22062): CLIP with a vocabulary of many languages. */
export function parseMetaClip2(root: Section): BuiltInClipConfig {
  return {
    projectionDim: root.positive("projection_dim", 512),
    initialLogitScale: root.logScale("logit_scale_init_value", initialLogitScale),
    vision: parseVit(root.section("vision_config"), clipVisionDefaults),
    text: parseText(root.section("text_config")),
    ...parseTraining(root),
  };
}

/** The towers of `MetaClip2Model`. */
export interface MetaClip2Towers {
  readonly vision: VitConfig;
  readonly text: CausalTextConfig;
}

/**
 * The towers of a model that only Hugging Face's `MetaClip2Model` computes: CLIP but for an end token that
 * `CLIPModel` takes for another.
 */
export function towersOfMetaClip2(config: ClipConfig): MetaClip2Towers | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if (!isVit(vision) || !isClipVit(vision)) return undefined;
  return isPlainClipText(text) && hasOldEndToken(text) ? { vision, text } : undefined;
}

/** Writes model type "metaclip_2". */
export function formatMetaClip2(config: ClipConfig, towers: MetaClip2Towers): Json {
  const { text_config, vision_config, ...keys } = formatHuggingFaceClip(config, towers);
  return {
    ...keys,
    architectures: ["MetaClip2Model"],
    model_type: "metaclip_2",
    text_config: { ...(text_config as Json), model_type: "metaclip_2_text_model" },
    vision_config: { ...(vision_config as Json), model_type: "metaclip_2_vision_model" },
  };
}
