import { isOwnText, textTower, type BertTextConfig, type RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, visionTower } from "@clip-ts/vision-encoder";
import { headsOf, type ClipConfig } from "../config.ts";
import { withFractions, withWholes } from "./fractions.ts";
import { formatHuggingFaceClip, parseHuggingFaceClip, towersOfClip } from "./hugging-face-clip.ts";
import { formatAlign, parseAlign, towersOfAlign } from "./hugging-face-align.ts";
import { formatAltClip, parseAltClip, towersOfAltClip } from "./hugging-face-altclip.ts";
import { formatChineseClip, parseChineseClip, towersOfChineseClip } from "./hugging-face-chinese-clip.ts";
import {
  formatDualEncoder,
  hasOwnNames,
  isDualVision,
  parseDualEncoder,
  towersOfDualEncoder,
} from "./hugging-face-dual-encoder.ts";
import { formatMetaClip2, parseMetaClip2, towersOfMetaClip2 } from "./hugging-face-metaclip2.ts";
import { formatHuggingFaceSiglip, parseHuggingFaceSiglip, towersOfSiglip } from "./hugging-face-siglip.ts";
import { formatHuggingFaceSiglip2, parseHuggingFaceSiglip2, towersOfSiglip2 } from "./hugging-face-siglip2.ts";
import { isOpenClipConfig, parseOpenClipConfig } from "./open-clip.ts";
import { formatOwnConfig, ownModelType, parseOwnConfig } from "./own-format.ts";
import type { ParseOptions } from "./own-towers.ts";
import { Section, type Json } from "./section.ts";

const pooler = "a pooler: a dense layer and tanh";

/** Why a model with BERT or RoBERTa is no `VisionTextDualEncoderModel`. */
function dualEncoderReason({ vision }: ClipConfig, text: BertTextConfig | RobertaTextConfig): string | undefined {
  const dual = "VisionTextDualEncoderModel";
  if (text.pooling !== "pooler") {
    const name = text.kind === "bert" ? "BERT" : "RoBERTa";
    return `its ${name} pools by "${text.pooling}", where ${dual} puts ${pooler}`;
  }
  if (!isVit(vision) || isDualVision(vision)) return undefined;
  const { pooling = "class" } = vision;
  if (pooling === "pooler") return undefined;
  return `its vision transformer pools by "${pooling}", where ${dual} takes CLIP's or puts ${pooler}`;
}

/** Whether a model class of transformers has a vision tower of this kind. */
const hasVision = (vision: ClipConfig["vision"]): boolean =>
  isVit(vision) || isDualVision(vision) || vision.kind === "naflex";

/** Why transformers has none of a model's towers. */
function towerReason({ vision, text }: ClipConfig): string | undefined {
  if (!hasVision(vision)) return `it has ${visionTower(vision).title}, which transformers has not`;
  return isOwnText(text) ? `it has ${textTower(text).title}, which transformers has not` : undefined;
}

/**
 * Why a model is saved in clip-ts's own format and no model class of transformers loads it; undefined if
 * one does.
 */
export function ownFormatReason(config: ClipConfig): string | undefined {
  if (formatClipConfig(config)["model_type"] !== ownModelType) return undefined;
  const { text } = config;
  const heads = headsOf(config);
  const tower = towerReason(config);
  if (tower !== undefined) return tower;
  const head = [heads.image, heads.text].find((kind) => kind === "mlp" || kind === "affine");
  if (head !== undefined) return `one of its heads is "${head}", in transformers they are linear`;
  const isBert = text.kind === "roberta" || text.kind === "bert";
  const reason = isBert ? dualEncoderReason(config, text) : undefined;
  return reason ?? "no model of transformers has its options";
}

type Parse = (root: Section, options: ParseOptions) => ClipConfig;

const parsers: Readonly<Record<string, Parse>> = {
  clip: parseHuggingFaceClip,
  siglip: parseHuggingFaceSiglip,
  siglip2: parseHuggingFaceSiglip2,
  align: parseAlign,
  chinese_clip: parseChineseClip,
  metaclip_2: parseMetaClip2,
  altclip: parseAltClip,
  "vision-text-dual-encoder": parseDualEncoder,
  [ownModelType]: parseOwnConfig,
};

/**
 * Understands a `config.json`: Hugging Face's of the model types in `parsers`, our own of type "clip-ts", or open_clip's `open_clip_config.json` or model config.
 * Towers of one's own, which a file only names, are among the options.
 * @throws ClipError "unsupported" for one that is not given, "bad-config" naming the key, what it should be and what it is.
 */
export function parseClipConfig(json: unknown, options: ParseOptions = {}): ClipConfig {
  const root = new Section(json);
  if (isOpenClipConfig(json)) return parseOpenClipConfig(json);
  const type = root.choice("model_type", Object.keys(parsers));
  return (parsers[type] as Parse)(new Section(withWholes(root.json)), options);
}

/** What transformers loads, where one of its models computes the same with the same parameters. */
function formatHuggingFace(config: ClipConfig): Json | undefined {
  const clip = towersOfClip(config);
  if (clip !== undefined) return formatHuggingFaceClip(config, clip);
  const siglip = towersOfSiglip(config);
  if (siglip !== undefined) return formatHuggingFaceSiglip(config, siglip);
  const siglip2 = towersOfSiglip2(config);
  if (siglip2 !== undefined) return formatHuggingFaceSiglip2(config, siglip2);
  const dual = towersOfDualEncoder(config);
  if (dual !== undefined) return formatDualEncoder(config, dual);
  const chinese = towersOfChineseClip(config);
  if (chinese !== undefined) return formatChineseClip(config, chinese);
  const alt = towersOfAltClip(config);
  if (alt !== undefined) return formatAltClip(config, alt);
  const worldwide = towersOfMetaClip2(config);
  if (worldwide !== undefined) return formatMetaClip2(config, worldwide);
  const align = towersOfAlign(config);
  return align && formatAlign(config, align);
}

/**
 * The `config.json` that Hugging Face's libraries load, where one of their models computes the same with
 * the same parameters. For all others, our own: a library that cannot run the model should say so and not
 * compute something else.
 */
export function formatClipConfig(config: ClipConfig): Json {
  const theirs = formatHuggingFace(config);
  return theirs === undefined ? formatOwnConfig(config) : withFractions(theirs);
}

/**
 * The naming scheme of the weights beside what `formatClipConfig` writes: Hugging Face's plain ViT and its kin have
 * names of their own, ALIGN has a temperature, everything else is named as the parameters are.
 */
export function weightNamesOf(config: ClipConfig): "huggingface" | "dual_encoder" | "align" {
  if (towersOfAlign(config) !== undefined) return "align";
  const isDual = towersOfDualEncoder(config) !== undefined;
  return isDual && hasOwnNames(config.vision) ? "dual_encoder" : "huggingface";
}
