import { initialLogitScale } from "@clip-ts/projection";
import type { AltClipTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import { formatBertFamily, parseDropout, parseRobertaCaptions } from "./hugging-face-bert.ts";
import {
  clipVisionDefaults,
  formatTraining,
  formatVit,
  isClipVit,
  parseTraining,
  parseTransformer,
  parseVit,
  towerSection,
} from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** XLM-R large, where a file does not say otherwise. */
const textDefaults = {
  width: 1024,
  layers: 24,
  heads: 16,
  activation: "gelu",
  layerNormEps: 1e-5,
} as const;

function parseText(text: Section): AltClipTextConfig {
  text.only("position_embedding_type", "absolute");
  return {
    kind: "altclip",
    ...parseTransformer(text, textDefaults),
    ...parseRobertaCaptions(text, { vocabSize: 250_002, positions: 514 }),
    tokenTypes: text.positive("type_vocab_size", 1),
    headWidth: text.positive("project_dim", 768),
    ...parseDropout(text),
  };
}

/** Reads model type "altclip": CLIP's vision transformer and XLM-R with a linear layer behind it. */
export function parseAltClip(root: Section): BuiltInClipConfig {
  return {
    projectionDim: root.positive("projection_dim", 768),
    initialLogitScale: root.logScale("logit_scale_init_value", initialLogitScale),
    vision: parseVit(towerSection(root, "vision_config"), clipVisionDefaults),
    text: parseText(towerSection(root, "text_config")),
    ...parseTraining(root),
  };
}

/** The towers of `AltCLIPModel`. */
export interface AltClipTowers {
  readonly vision: VitConfig;
  readonly text: AltClipTextConfig;
}

/** The towers, if Hugging Face's `AltCLIPModel` computes the same with the same parameters. */
export function towersOfAltClip(config: ClipConfig): AltClipTowers | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if (!isVit(vision) || text.kind !== "altclip") return undefined;
  return isClipVit(vision) ? { vision, text } : undefined;
}

/** Writes model type "altclip". */
export function formatAltClip(config: ClipConfig, { vision, text }: AltClipTowers): Json {
  const { projectionDim } = config;
  return {
    architectures: ["AltCLIPModel"],
    model_type: "altclip",
    projection_dim: projectionDim,
    logit_scale_init_value: config.initialLogitScale,
    text_config: {
      model_type: "altclip_text_model",
      ...formatBertFamily(text),
      max_position_embeddings: text.contextLength + text.padTokenId + 1,
      bos_token_id: text.startTokenId,
      project_dim: text.headWidth,
    },
    vision_config: {
      model_type: "altclip_vision_model",
      ...formatVit(vision),
      projection_dim: projectionDim,
    },
    ...formatTraining(config),
  };
}
