import { isOwnText, textTower, type CausalTextConfig, type RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, visionTower } from "@clip-ts/vision-encoder";
import { headsOf, type ClipConfig } from "../config.ts";
import {
  formatHuggingFaceClip,
  hasOldEndToken,
  isClipVit,
  parseHuggingFaceClip,
  towersOfClip,
} from "./hugging-face-clip.ts";
import { formatDualEncoder, isPlainVit, parseDualEncoder, towersOfDualEncoder } from "./hugging-face-dual-encoder.ts";
import { formatHuggingFaceSiglip, parseHuggingFaceSiglip, towersOfSiglip } from "./hugging-face-siglip.ts";
import { isOpenClipConfig, parseOpenClipConfig } from "./open-clip.ts";
import { formatOwnConfig, ownModelType, parseOwnConfig } from "./own-format.ts";
import type { ParseOptions } from "./own-towers.ts";
import { Section, type Json } from "./section.ts";

const pooler = "a pooler: a dense layer and tanh";

/** Why a model with RoBERTa is no `VisionTextDualEncoderModel`. */
function dualEncoderReason({ vision }: ClipConfig, text: RobertaTextConfig): string | undefined {
  const dual = "VisionTextDualEncoderModel";
  if (text.pooling !== "pooler") {
    return `its RoBERTa pools by "${text.pooling}", where ${dual} puts ${pooler}`;
  }
  if (!isVit(vision) || isClipVit(vision) || isPlainVit(vision)) return undefined;
  const { pooling = "class" } = vision;
  if (pooling === "pooler") return undefined;
  return `its vision transformer pools by "${pooling}", where ${dual} takes CLIP's or puts ${pooler}`;
}

/**
 * Why a model is saved in clip-ts's own format and no model class of transformers loads it; undefined if
 * one does.
 */
export function ownFormatReason(config: ClipConfig): string | undefined {
  if (formatClipConfig(config)["model_type"] !== ownModelType) return undefined;
  const { vision, text } = config;
  const heads = headsOf(config);
  if (!isVit(vision)) return `it has ${visionTower(vision).title}, which transformers has not`;
  if (isOwnText(text)) return `it has ${textTower(text).title}, which transformers has not`;
  const head = [heads.image, heads.text].find((kind) => kind === "mlp" || kind === "affine");
  if (head !== undefined) return `one of its heads is "${head}", in transformers they are linear`;
  if ((text.kind ?? "clip") === "clip" && hasOldEndToken(text as CausalTextConfig)) {
    return "its captions end with id 2, which transformers takes for the vocabulary's last";
  }
  const reason = text.kind === "roberta" ? dualEncoderReason(config, text) : undefined;
  return reason ?? "no model of transformers has its options";
}

type Parse = (root: Section, options: ParseOptions) => ClipConfig;

const parsers: Readonly<Record<string, Parse>> = {
  clip: parseHuggingFaceClip,
  siglip: parseHuggingFaceSiglip,
  "vision-text-dual-encoder": parseDualEncoder,
  [ownModelType]: parseOwnConfig,
};

/**
 * Understands a `config.json`: Hugging Face's of model type "clip", "siglip" or
 * "vision-text-dual-encoder", our own of type "clip-ts", or open_clip's `open_clip_config.json` or model config.
 * Towers of one's own, which a file only names, are among the options.
 * @throws ClipError "unsupported" for one that is not given, "bad-config" naming the key, what it should be and what it is.
 */
export function parseClipConfig(json: unknown, options: ParseOptions = {}): ClipConfig {
  const root = new Section(json);
  if (isOpenClipConfig(json)) return parseOpenClipConfig(json);
  const type = root.choice("model_type", Object.keys(parsers));
  return (parsers[type] as Parse)(root, options);
}

/**
 * The `config.json` that Hugging Face's libraries load, where one of their models computes the same with
 * the same parameters. For all others, our own: a library that cannot run the model should say so and not
 * compute something else.
 */
export function formatClipConfig(config: ClipConfig): Json {
  const clip = towersOfClip(config);
  if (clip !== undefined) return formatHuggingFaceClip(config, clip);
  const siglip = towersOfSiglip(config);
  if (siglip !== undefined) return formatHuggingFaceSiglip(config, siglip);
  const dual = towersOfDualEncoder(config);
  if (dual !== undefined) return formatDualEncoder(config, dual);
  return formatOwnConfig(config);
}

/**
 * The naming scheme of the weights beside what `formatClipConfig` writes: Hugging Face's plain ViT has
 * names of its own, everything else is named as the parameters are.
 */
export function weightNamesOf(config: ClipConfig): "huggingface" | "dual_encoder" {
  const isDual = towersOfDualEncoder(config) !== undefined;
  return isDual && isPlainVit(config.vision) ? "dual_encoder" : "huggingface";
}
