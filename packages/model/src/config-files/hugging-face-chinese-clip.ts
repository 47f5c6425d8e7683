import { initialLogitScale } from "@clip-ts/projection";
import type { BertTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import { formatBertFamily, parseBert } from "./hugging-face-bert.ts";
import {
  clipVisionDefaults,
  formatTraining,
  formatVit,
  isClipVit,
  parseTraining,
  parseVit,
  towerSection,
} from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** Reads model type "chinese_clip" (Yang et al. 2022, arXiv:2211.01335): CLIP's vision transformer and BERT, first token pooled. */
export function parseChineseClip(root: Section): BuiltInClipConfig {
  return {
    projectionDim: root.positive("projection_dim", 512),
    initialLogitScale: root.logScale("logit_scale_init_value", initialLogitScale),
    vision: parseVit(towerSection(root, "vision_config"), clipVisionDefaults),
    text: parseBert(towerSection(root, "text_config"), "first"),
    ...parseTraining(root),
  };
}

/** The towers of `ChineseCLIPModel`. */
export interface ChineseClipTowers {
  readonly vision: VitConfig;
  readonly text: BertTextConfig;
}

/** The towers, if Hugging Face's `ChineseCLIPModel` computes the same with the same parameters. */
export function towersOfChineseClip(config: ClipConfig): ChineseClipTowers | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if (!isVit(vision) || text.kind !== "bert" || text.pooling !== "first") return undefined;
  return isClipVit(vision) ? { vision, text } : undefined;
}

/** Writes model type "chinese_clip". */
export function formatChineseClip(config: ClipConfig, { vision, text }: ChineseClipTowers): Json {
  const { projectionDim } = config;
  return {
    architectures: ["ChineseCLIPModel"],
    model_type: "chinese_clip",
    projection_dim: projectionDim,
    logit_scale_init_value: config.initialLogitScale,
    text_config: {
      model_type: "chinese_clip_text_model",
      ...formatBertFamily(text),
      max_position_embeddings: text.contextLength,
    },
    vision_config: {
      model_type: "chinese_clip_vision_model",
      ...formatVit(vision),
      projection_dim: projectionDim,
    },
    ...formatTraining(config),
  };
}
