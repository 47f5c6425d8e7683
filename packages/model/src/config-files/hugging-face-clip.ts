import { initialLogitScale } from "@clip-ts/projection";
import { isOwnText, type CausalTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import { formatTraining, parseTraining } from "./training-keys.ts";
import {
  formatTransformer,
  formatVit,
  isClipVit,
  parseTransformer,
  parseVit,
  type TransformerDefaults,
} from "./hugging-face-transformer.ts";
import type { Json, Section } from "./section.ts";

const style = { activation: "quick_gelu", layerNormEps: 1e-5 } as const;

/** What CLIP's vision tower is where the file does not say. */
export const clipVisionDefaults: TransformerDefaults & { readonly patchSize: number } = {
  width: 768,
  layers: 12,
  heads: 12,
  patchSize: 32,
  ...style,
};

/** An id that transformers takes for the last of the vocabulary. */
const oldEndToken = 2;

/** The end token of CLIP's own vocabulary, where a file does not say another. */
const clipEndToken = 49407;

/**
 * Old configs say `eos_token_id: 2` though the models' end token is the last of the vocabulary, and
 * transformers then pools the largest id.
 */
function endTokenOf(text: Section, vocabSize: number): number {
  if (text.json["eos_token_id"] === oldEndToken) return vocabSize - 1;
  return text.tokenId("eos_token_id", vocabSize, clipEndToken);
}

/** The start token, which old configs have wrong too: then it is the one before the end token. */
function startTokenOf(text: Section, vocabSize: number, endTokenId: number): number {
  const declared = text.json["bos_token_id"];
  const isOld = text.json["eos_token_id"] === oldEndToken;
  const isId = typeof declared === "number" && declared < vocabSize;
  return isId && !isOld ? text.tokenId("bos_token_id", vocabSize) : Math.max(endTokenId - 1, 0);
}

/**
 * The section of a tower. transformers before 4.27 wrote it as `text_config_dict` or `vision_config_dict`
 * too; where that is there, transformers reads it alone, and keys that it lacks have their defaults.
 */
function towerSection(root: Section, name: "text_config" | "vision_config"): Section {
  return root.section(root.has(`${name}_dict`) ? `${name}_dict` : name);
}

/** Reads the keys of CLIP's text tower. */
export function parseClipText(text: Section): CausalTextConfig {
  const vocabSize = text.vocabulary("vocab_size", 49408);
  const endTokenId = endTokenOf(text, vocabSize);
  return {
    ...parseTransformer(text, { width: 512, layers: 12, heads: 8, ...style }),
    vocabSize,
    contextLength: text.tokens("max_position_embeddings", 77),
    startTokenId: startTokenOf(text, vocabSize, endTokenId),
    endTokenId,
    padTokenId: 0,
  };
}

/** Reads model type "clip". */
export function parseHuggingFaceClip(root: Section): BuiltInClipConfig {
  return {
    projectionDim: root.positive("projection_dim", 512),
    initialLogitScale: root.logScale("logit_scale_init_value", initialLogitScale),
    vision: parseVit(towerSection(root, "vision_config"), clipVisionDefaults),
    text: parseClipText(towerSection(root, "text_config")),
    ...parseTraining(root),
  };
}

/** Whether transformers would take the end token for another. */
export function hasOldEndToken({ endTokenId, vocabSize }: CausalTextConfig): boolean {
  return endTokenId === oldEndToken && endTokenId !== vocabSize - 1;
}

/** CLIP's causal tower without any option, as Hugging Face has it. */
function isClipText(text: CausalTextConfig): boolean {
  const { kind, causal, pooling, layerScale } = text;
  if (hasOldEndToken(text)) return false;
  const isPlain = (kind ?? "clip") === "clip" && causal !== false;
  return isPlain && (pooling ?? "end") === "end" && layerScale === undefined;
}

/** The towers, if Hugging Face's `CLIPModel` computes the same with the same parameters. */
export function towersOfClip(
  config: ClipConfig,
): { readonly vision: VitConfig; readonly text: CausalTextConfig } | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if (!isVit(vision) || isOwnText(text)) return undefined;
  if (text.kind === "roberta" || text.kind === "siglip") return undefined;
  return isClipVit(vision) && isClipText(text) ? { vision, text } : undefined;
}

/** Writes model type "clip". */
export function formatHuggingFaceClip(
  config: ClipConfig,
  { vision, text }: { readonly vision: VitConfig; readonly text: CausalTextConfig },
): Json {
  const { projectionDim } = config;
  return {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: projectionDim,
    logit_scale_init_value: config.initialLogitScale,
    text_config: {
      model_type: "clip_text_model",
      ...formatTransformer(text),
      vocab_size: text.vocabSize,
      max_position_embeddings: text.contextLength,
      bos_token_id: text.startTokenId,
      eos_token_id: text.endTokenId,
      pad_token_id: text.padTokenId,
      projection_dim: projectionDim,
    },
    vision_config: {
      model_type: "clip_vision_model",
      ...formatVit(vision),
      projection_dim: projectionDim,
    },
    ...formatTraining(config),
  };
}
