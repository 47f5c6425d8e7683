import type { Activation } from "@clip-ts/core";
import { initialLogitScale } from "@clip-ts/projection";
import type { CausalTextConfig, TextConfig } from "@clip-ts/text-encoder";
import { isPlainStack, type TransformerConfig } from "@clip-ts/transformer";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, parseLoss, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import type { Json, Section } from "./section.ts";

/** The one key of ours in other libraries' files; they carry it along unread. */
const key = "clip_ts";

/** What a file says about training beyond its family's own keys. */
export function parseTraining(root: Section): Pick<ClipConfig, "loss" | "initialLogitBias"> {
  if (!root.has(key)) return {};
  const ours = root.section(key);
  return {
    ...(ours.has("loss") && { loss: parseLoss(ours.section("loss")) }),
    ...(ours.has("initialLogitBias") && { initialLogitBias: ours.number("initialLogitBias") }),
  };
}

/** The same, written; nothing if the config says nothing of it. */
export function formatTraining({ loss, initialLogitBias }: ClipConfig): Json {
  if (loss === undefined && initialLogitBias === undefined) return {};
  return {
    [key]: { ...(loss && { loss }), ...(initialLogitBias !== undefined && { initialLogitBias }) },
  };
}

/** What a model family's `config.json` leaves out because it is the family's default. */
export interface TransformerDefaults {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
}

/** Reads a stack of blocks under Hugging Face's keys. */
export function parseTransformer(section: Section, defaults: TransformerDefaults): TransformerConfig {
  const width = section.positive("hidden_size", defaults.width);
  const heads = section.positive("num_attention_heads", defaults.heads);
  if (width % heads !== 0) {
    section.refuse("num_attention_heads", `a divisor of hidden_size ${width}`);
  }
  return {
    width,
    heads,
    layers: section.layers("num_hidden_layers", defaults.layers),
    mlpWidth: section.positive("intermediate_size", 4 * defaults.width),
    activation: section.activation("hidden_act", defaults.activation),
    layerNormEps: section.epsilon("layer_norm_eps", defaults.layerNormEps),
  };
}

/** The same keys, written. */
export function formatTransformer(config: TransformerConfig): Json {
  return {
    hidden_size: config.width,
    intermediate_size: config.mlpWidth,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
    attention_dropout: 0,
  };
}

/**
 * Reads a vision transformer's blocks and sizes. `patch_dropout` is a key of ours, named as in
 * open_clip: other libraries carry it along, and without training it changes nothing.
 */
export function parseVit(section: Section, defaults: TransformerDefaults & { readonly patchSize: number }): VitConfig {
  return {
    ...parseTransformer(section, defaults),
    imageSize: section.side("image_size", 224),
    patchSize: section.side("patch_size", defaults.patchSize),
    channels: section.positive("num_channels", 3),
    ...(section.has("patch_dropout") && { patchDropout: section.share("patch_dropout") }),
  };
}

/** The same keys, written. */
export function formatVit(vision: VitConfig): Json {
  return {
    ...formatTransformer(vision),
    image_size: vision.imageSize,
    patch_size: vision.patchSize,
    num_channels: vision.channels,
    ...(vision.patchDropout !== undefined && { patch_dropout: vision.patchDropout }),
  };
}

/** Whether images and patches are squares, as those of CLIP and SigLIP are in transformers. */
export const isSquare = ({ imageSize, patchSize }: VitConfig): boolean =>
  [imageSize, patchSize].every((size) => typeof size === "number");

/** Whether a vision transformer has what only DeiT and DINOv2 have. */
export function isLaterVit({ distillationToken, registerTokens, gated, positionGrid }: VitConfig): boolean {
  const hasTokens = distillationToken === true || (registerTokens ?? 0) > 0;
  return hasTokens || gated === true || positionGrid !== undefined;
}

/** Whether a vision transformer is CLIP's own, without any option. */
export function isClipVit(vision: VitConfig): boolean {
  return (
    vision.classToken !== false &&
    vision.preNorm !== false &&
    vision.patchBias !== true &&
    (vision.pooling ?? "class") === "class" &&
    (vision.positions ?? "learned") === "learned" &&
    isPlainStack(vision) &&
    isSquare(vision) &&
    !isLaterVit(vision)
  );
}

const style = { activation: "quick_gelu", layerNormEps: 1e-5 } as const;

/** What CLIP's vision tower is where the file does not say. */
export const clipVisionDefaults: TransformerDefaults & { readonly patchSize: number } = {
  width: 768,
  layers: 12,
  heads: 12,
  patchSize: 32,
  ...style,
};

/** What CLIP's text tower is where the file does not say. */
export const clipTextDefaults: TransformerDefaults = { width: 512, layers: 12, heads: 8, ...style };

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
export function towerSection(root: Section, name: "text_config" | "vision_config"): Section {
  return root.section(root.has(`${name}_dict`) ? `${name}_dict` : name);
}

/** Reads the keys of CLIP's text tower. */
export function parseClipText(text: Section): CausalTextConfig {
  const vocabSize = text.vocabulary("vocab_size", 49408);
  const endTokenId = endTokenOf(text, vocabSize);
  return {
    ...parseTransformer(text, clipTextDefaults),
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

/** Whether a text tower is of CLIP's kind. */
function isClipKind(text: TextConfig): text is CausalTextConfig {
  return (text.kind ?? "clip") === "clip";
}

/** CLIP's causal tower without any option, as Hugging Face has it, but for the ids that may end a caption. */
export function isPlainClipText(text: TextConfig): text is CausalTextConfig {
  if (!isClipKind(text) || text.causal === false) return false;
  return (text.pooling ?? "end") === "end" && isPlainStack(text);
}

/** The towers, if Hugging Face's `CLIPModel` computes the same with the same parameters. */
export function towersOfClip(
  config: ClipConfig,
): { readonly vision: VitConfig; readonly text: CausalTextConfig } | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if (!isVit(vision) || !isPlainClipText(text) || hasOldEndToken(text)) return undefined;
  return isClipVit(vision) ? { vision, text } : undefined;
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
