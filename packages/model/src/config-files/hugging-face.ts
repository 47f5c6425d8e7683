import type { ClipConfig } from "../config.ts";
import { formatHuggingFaceClip, parseHuggingFaceClip, towersOfClip } from "./hugging-face-clip.ts";
import {
  formatDualEncoder,
  isPlainVit,
  parseDualEncoder,
  towersOfDualEncoder,
} from "./hugging-face-dual-encoder.ts";
import {
  formatHuggingFaceSiglip,
  parseHuggingFaceSiglip,
  towersOfSiglip,
} from "./hugging-face-siglip.ts";
import { isOpenClipConfig, parseOpenClipConfig } from "./open-clip.ts";
import { formatOwnConfig, ownModelType, parseOwnConfig } from "./own-format.ts";
import type { ParseOptions } from "./own-towers.ts";
import { Section, type Json } from "./section.ts";

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
