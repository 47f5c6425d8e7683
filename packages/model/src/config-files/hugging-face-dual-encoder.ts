import { initialLogitScale } from "@clip-ts/projection";
import type { BertTextConfig, RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VisionConfig } from "@clip-ts/vision-encoder";
import { headsOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import {
  assertEncoder,
  bertDefaults,
  formatBert,
  formatBertFamily,
  parseBert,
  parseDropout,
  parseRobertaCaptions,
} from "./hugging-face-bert.ts";
import {
  clipVisionDefaults,
  formatTraining,
  formatVit,
  isClipVit,
  parseTraining,
  parseTransformer,
  parseVit,
} from "./hugging-face-clip.ts";
import { deit, dinov2, dinov2WithRegisters, plainVit, swin, type ImageTower } from "./hugging-face-image-towers.ts";
import type { Json, Section } from "./section.ts";

/** Reads RoBERTa's keys. `pooling` is not among them: the model around it decides. */
export function parseRoberta(text: Section, pooling: RobertaTextConfig["pooling"]): RobertaTextConfig {
  assertEncoder(text);
  return {
    kind: "roberta",
    ...parseTransformer(text, bertDefaults),
    ...parseRobertaCaptions(text, { vocabSize: 50_265, positions: 512 }),
    tokenTypes: text.positive("type_vocab_size", 2),
    pooling,
    ...parseDropout(text),
  };
}

/** The same keys, written. */
export function formatRoberta(text: RobertaTextConfig): Json {
  return {
    model_type: "roberta",
    ...formatBertFamily(text),
    max_position_embeddings: text.contextLength + text.padTokenId + 1,
    bos_token_id: text.startTokenId,
  };
}

/** CLIP's vision transformer as a tower of its own. */
const clipVit: ImageTower = {
  type: "clip_vision_model",
  parse: (section) => parseVit(section, clipVisionDefaults),
  format: (vision) => (isVit(vision) && isClipVit(vision) ? formatVit(vision) : undefined),
};

/** The vision towers of dual encoders. */
const imageTowers: readonly ImageTower[] = [clipVit, plainVit, deit, dinov2, dinov2WithRegisters, swin];

/** The tower that writes this config, and what it writes. */
function formatImageTower(vision: VisionConfig): Json | undefined {
  for (const { type, format } of imageTowers) {
    const keys = format(vision);
    if (keys !== undefined) return { model_type: type, ...keys };
  }
  return undefined;
}

/** Whether transformers' files have other names than ours for the tower: those of its plain ViT and of its kin. */
export function hasOwnNames(vision: VisionConfig): boolean {
  const type = formatImageTower(vision)?.["model_type"];
  return [plainVit, deit, dinov2, dinov2WithRegisters].some((tower) => tower.type === type);
}

/** Whether transformers has the vision tower, as one of a dual encoder. */
export function isDualVision(vision: VisionConfig): boolean {
  return formatImageTower(vision) !== undefined;
}

/**
 * Reads model type "vision-text-dual-encoder": one of the vision towers above, and BERT or RoBERTa, which end in the
 * pooler that `AutoModel` gives them.
 */
export function parseDualEncoder(root: Section): BuiltInClipConfig {
  const vision = root.section("vision_config");
  const text = root.section("text_config");
  const types = imageTowers.map(({ type: name }) => name);
  const type = vision.choice("model_type", types);
  const tower = imageTowers[types.indexOf(type)] as ImageTower;
  const isBert = text.choice("model_type", ["roberta", "xlm-roberta", "bert"]) === "bert";
  return {
    projectionDim: root.positive("projection_dim", 512),
    initialLogitScale: root.logScale("logit_scale_init_value", initialLogitScale),
    vision: tower.parse(vision),
    text: isBert ? parseBert(text, "pooler") : parseRoberta(text, "pooler"),
    ...parseTraining(root),
  };
}

/** The towers, if Hugging Face's `VisionTextDualEncoderModel` computes the same. */
export function towersOfDualEncoder(
  config: ClipConfig,
): { readonly vision: VisionConfig; readonly text: RobertaTextConfig | BertTextConfig } | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "linear" || heads.text !== "linear") return undefined;
  if ((text.kind !== "roberta" && text.kind !== "bert") || text.pooling !== "pooler") return undefined;
  return isDualVision(vision) ? { vision, text } : undefined;
}

/** Writes model type "vision-text-dual-encoder". */
export function formatDualEncoder(
  config: ClipConfig,
  { vision, text }: { readonly vision: VisionConfig; readonly text: RobertaTextConfig | BertTextConfig },
): Json {
  return {
    architectures: ["VisionTextDualEncoderModel"],
    model_type: "vision-text-dual-encoder",
    projection_dim: config.projectionDim,
    logit_scale_init_value: config.initialLogitScale,
    vision_config: formatImageTower(vision),
    text_config: text.kind === "bert" ? formatBert(text) : formatRoberta(text),
    ...formatTraining(config),
  };
}
