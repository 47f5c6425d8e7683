import { initialSigmoidLogitScale } from "@clip-ts/projection";
import type { SiglipTextConfig } from "@clip-ts/text-encoder";
import { isPlainStack } from "@clip-ts/transformer";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, lossOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import {
  formatTraining,
  formatTransformer,
  formatVit,
  isSquare,
  isLaterVit,
  parseTraining,
  parseTransformer,
  parseVit,
} from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** What tells SigLIP's vision transformer from CLIP's. */
export const siglipVisionStyle = {
  classToken: false,
  preNorm: false,
  patchBias: true,
  pooling: "attention",
} as const;

/** What SigLIP's towers are where a file does not say. */
export const siglipDefaults = {
  width: 768,
  layers: 12,
  heads: 12,
  patchSize: 16,
  activation: "gelu_pytorch_tanh",
  layerNormEps: 1e-6,
} as const;

/** Reads SigLIP's text tower, which SigLIP 2 has too. */
export function parseSiglipText(text: Section): SiglipTextConfig {
  const stack = parseTransformer(text, siglipDefaults);
  const vocabSize = text.vocabulary("vocab_size", 32000);
  const padTokenId = text.tokenId("pad_token_id", vocabSize, 1);
  const declared = text.number("eos_token_id", padTokenId);
  return {
    kind: "siglip",
    ...stack,
    vocabSize,
    contextLength: text.tokens("max_position_embeddings", 64),
    // Published files give CLIP's 49407 here; their tokenizer ends and pads with the same token.
    endTokenId: declared < vocabSize ? declared : padTokenId,
    padTokenId,
    headWidth: text.positive("projection_size", stack.width),
  };
}

/** Reads model type "siglip". */
export function parseHuggingFaceSiglip(root: Section): BuiltInClipConfig {
  const section = root.section("vision_config", {});
  section.only("vision_use_head", true);
  const vision: VitConfig = { ...parseVit(section, siglipDefaults), ...siglipVisionStyle };
  return {
    projectionDim: vision.width,
    initialLogitScale: root.logScale("logit_scale_init_value", initialSigmoidLogitScale),
    vision,
    text: parseSiglipText(root.section("text_config", {})),
    imageHead: "none",
    loss: { kind: "sigmoid" },
    ...parseTraining(root),
  };
}

function isSiglipVit(vision: VitConfig): boolean {
  const { classToken, preNorm, patchBias, pooling, positions } = vision;
  const entersAsSiglip = classToken === false && preNorm === false && patchBias === true;
  const isPlain =
    (positions ?? "learned") === "learned" && isPlainStack(vision) && isSquare(vision) && !isLaterVit(vision);
  return entersAsSiglip && isPlain && pooling === "attention";
}

/** The towers, if Hugging Face's `SiglipModel` computes the same with the same parameters. */
export function towersOfSiglip(
  config: ClipConfig,
): { readonly vision: VitConfig; readonly text: SiglipTextConfig } | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (!isVit(vision) || text.kind !== "siglip" || lossOf(config).kind !== "sigmoid") {
    return undefined;
  }
  const endsInTowers = heads.image === "none" && heads.text === "none";
  return endsInTowers && isSiglipVit(vision) && isPlainStack(text) ? { vision, text } : undefined;
}

/** The same, written. */
const formatSiglipText = (text: SiglipTextConfig): Json => ({
  ...formatTransformer(text),
  vocab_size: text.vocabSize,
  max_position_embeddings: text.contextLength,
  eos_token_id: text.endTokenId,
  pad_token_id: text.padTokenId,
  projection_size: text.headWidth,
});

/** The two towers as `config.json` has them. */
interface WrittenTowers {
  readonly text: SiglipTextConfig;
  readonly vision: Json;
}

/** Writes a model of SigLIP's kind: what stands around the towers is the same in all of them. */
export function formatSiglipModel(config: ClipConfig, type: "siglip" | "siglip2", towers: WrittenTowers): Json {
  const { loss: _loss, ...training } = config; // the sigmoid loss goes without saying
  return {
    architectures: [type === "siglip" ? "SiglipModel" : "Siglip2Model"],
    model_type: type,
    logit_scale_init_value: config.initialLogitScale,
    text_config: { model_type: `${type}_text_model`, ...formatSiglipText(towers.text) },
    vision_config: { model_type: `${type}_vision_model`, ...towers.vision },
    ...formatTraining(training),
  };
}

/** Writes model type "siglip". */
export function formatHuggingFaceSiglip(
  config: ClipConfig,
  { vision, text }: { readonly vision: VitConfig; readonly text: SiglipTextConfig },
): Json {
  return formatSiglipModel(config, "siglip", { text, vision: formatVit(vision) });
}
