import { initialLogitScale } from "@clip-ts/projection";
import type { RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VisionConfig, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import {
  clipVisionDefaults,
  formatTraining,
  formatTransformer,
  formatVit,
  isClipVit,
  parseTraining,
  parseTransformer,
  parseVit,
} from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** RoBERTa-base, where a file does not say otherwise. */
const robertaDefaults = {
  width: 768,
  layers: 12,
  heads: 12,
  activation: "gelu",
  layerNormEps: 1e-12,
} as const;

/** Reads the shares that training drops, where the file has any: 0.1 in most that transformers wrote. */
function parseDropout(text: Section): Pick<RobertaTextConfig, "hiddenDropout" | "attentionDropout"> {
  const hiddenDropout = text.share("hidden_dropout_prob", 0);
  const attentionDropout = text.share("attention_probs_dropout_prob", 0);
  return {
    ...(hiddenDropout > 0 && { hiddenDropout }),
    ...(attentionDropout > 0 && { attentionDropout }),
  };
}

/** Reads RoBERTa's keys. `pooling` is not among them: the model around it decides. */
export function parseRoberta(text: Section, pooling: RobertaTextConfig["pooling"]): RobertaTextConfig {
  text.only("is_decoder", false);
  text.only("position_embedding_type", "absolute");
  const vocabSize = text.vocabulary("vocab_size", 50265);
  const padTokenId = text.tokenId("pad_token_id", vocabSize, 1);
  const contextLength = text.tokens("max_position_embeddings", 512) - padTokenId - 1;
  if (contextLength < 1) {
    text.refuse("max_position_embeddings", `more than ${padTokenId + 1}, the ids up to padding`);
  }
  return {
    kind: "roberta",
    ...parseTransformer(text, robertaDefaults),
    vocabSize,
    contextLength,
    startTokenId: text.tokenId("bos_token_id", vocabSize, 0),
    endTokenId: text.tokenId("eos_token_id", vocabSize, 2),
    padTokenId,
    tokenTypes: text.positive("type_vocab_size", 2),
    pooling,
    ...parseDropout(text),
  };
}

/** The same keys, written. */
export function formatRoberta(text: RobertaTextConfig): Json {
  const { attention_dropout: _other, ...stack } = formatTransformer(text);
  return {
    model_type: "roberta",
    ...stack,
    vocab_size: text.vocabSize,
    max_position_embeddings: text.contextLength + text.padTokenId + 1,
    type_vocab_size: text.tokenTypes,
    bos_token_id: text.startTokenId,
    eos_token_id: text.endTokenId,
    pad_token_id: text.padTokenId,
    attention_probs_dropout_prob: text.attentionDropout ?? 0,
    hidden_dropout_prob: text.hiddenDropout ?? 0,
  };
}

/** ViT-B/16, where a file does not say otherwise. */
const plainVitDefaults = {
  width: 768,
  layers: 12,
  heads: 12,
  patchSize: 16,
  activation: "gelu",
  layerNormEps: 1e-12,
} as const;

/** What tells Hugging Face's plain ViT from CLIP's. */
const plainVitStyle = { preNorm: false, patchBias: true, pooling: "pooler" } as const;

/** Model types of vision towers: CLIP's, and the plain ViT. */
const visionTypes = { clip: "clip_vision_model", plain: "vit" } as const;

function parsePlainVit(section: Section): VitConfig {
  const vision = { ...parseVit(section, plainVitDefaults), ...plainVitStyle };
  section.only("qkv_bias", true);
  section.only("pooler_act", "tanh");
  section.only("pooler_output_size", vision.width);
  return vision;
}

function formatPlainVit(vision: VitConfig): Json {
  const { attention_dropout: _other, ...keys } = formatVit(vision);
  return {
    model_type: visionTypes.plain,
    ...keys,
    qkv_bias: true,
    pooler_act: "tanh",
    pooler_output_size: vision.width,
    attention_probs_dropout_prob: 0,
    hidden_dropout_prob: 0,
  };
}

/** Whether a vision transformer is Hugging Face's plain one, pooler included. */
export function isPlainVit(vision: VisionConfig): boolean {
  if (!isVit(vision)) return false;
  const { classToken, preNorm, patchBias, pooling, positions, layerScale } = vision;
  const entersAsPlain = classToken !== false && preNorm === false && patchBias === true;
  const hasOptions = (positions ?? "learned") !== "learned" || layerScale !== undefined;
  return entersAsPlain && pooling === "pooler" && !hasOptions;
}

/**
 * Reads model type "vision-text-dual-encoder": CLIP's vision transformer or the plain ViT, and RoBERTa.
 * RoBERTa and the plain ViT end in the pooler that `AutoModel` gives them.
 */
export function parseDualEncoder(root: Section): BuiltInClipConfig {
  const vision = root.section("vision_config");
  const text = root.section("text_config");
  const type = vision.choice("model_type", Object.values(visionTypes));
  text.choice("model_type", ["roberta", "xlm-roberta"]);
  return {
    projectionDim: root.positive("projection_dim", 512),
    initialLogitScale: root.logScale("logit_scale_init_value", initialLogitScale),
    vision: type === visionTypes.plain ? parsePlainVit(vision) : parseVit(vision, clipVisionDefaults),
    text: parseRoberta(text, "pooler"),
    ...parseTraining(root),
  };
}

/** The towers, if Hugging Face's `VisionTextDualEncoderModel` computes the same. */
export function towersOfDualEncoder(
  config: ClipConfig,
): { readonly vision: VitConfig; readonly text: RobertaTextConfig } | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if (!isVit(vision) || text.kind !== "roberta" || text.pooling !== "pooler") return undefined;
  return isClipVit(vision) || isPlainVit(vision) ? { vision, text } : undefined;
}

/** Writes model type "vision-text-dual-encoder". */
export function formatDualEncoder(
  config: ClipConfig,
  { vision, text }: { readonly vision: VitConfig; readonly text: RobertaTextConfig },
): Json {
  return {
    architectures: ["VisionTextDualEncoderModel"],
    model_type: "vision-text-dual-encoder",
    projection_dim: config.projectionDim,
    logit_scale_init_value: config.initialLogitScale,
    vision_config: isPlainVit(vision) ? formatPlainVit(vision) : { model_type: visionTypes.clip, ...formatVit(vision) },
    text_config: formatRoberta(text),
    ...formatTraining(config),
  };
}
