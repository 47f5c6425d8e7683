import { initialLogitScale } from "@clip-ts/projection";
import { textKind, textTower } from "@clip-ts/text-encoder";
import { isVit, type BuiltInVisionConfig } from "@clip-ts/vision-encoder";
import { builtInClip, headsOf, lossOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import { isLanguageTower } from "./open-clip-language.ts";
import { formatOpenClipText, parseOpenClipText } from "./open-clip-text.ts";
import { refuseForOpenClip } from "./open-clip-style.ts";
import { formatOpenClipVision, parseOpenClipVision } from "./open-clip-vision.ts";
import { Section, type Json } from "./section.ts";

/** The head that open_clip puts behind a tower of this kind. */
function usualImageHead(vision: BuiltInVisionConfig): "linear" | "none" {
  const isHeaded = isVit(vision) ? vision.pooling !== "attention" : vision.kind === "swin";
  return isHeaded ? "linear" : "none";
}

/** Whether a file has open_clip's keys: as its repositories have them, or as its `model_configs` do. */
export function isOpenClipConfig(json: unknown): boolean {
  return typeof json === "object" && json !== null && ("model_cfg" in json || "embed_dim" in json);
}

/** Every key that the description of a model may have. */
const knownKeys = [
  "embed_dim",
  "vision_cfg",
  "text_cfg",
  "quick_gelu",
  "custom_text",
  "init_logit_scale",
  "init_logit_bias",
  "nonscalar_logit_scale",
  "cast_dtype",
  "output_dict",
];

/**
 * Understands `open_clip_config.json`, or only the value of its `model_cfg`.
 * @throws ClipError "bad-config" naming the key, what it should be and what it is.
 */
export function parseOpenClipConfig(json: unknown): BuiltInClipConfig {
  const file = new Section(json);
  const root = file.has("model_cfg") ? file.section("model_cfg") : file;
  const embedDim = root.positive("embed_dim");
  root.without("multimodal_cfg", "CoCa's caption decoder is not computed here");
  root.onlyKeys(knownKeys);
  const quickGelu = root.flag("quick_gelu", false);
  const isTimm = root.section("vision_cfg").has("timm_model_name");
  const isSwin = isTimm && root.section("vision_cfg").text("timm_model_name").startsWith("swin_");
  const isSiglip = isTimm && !isSwin;
  const context = { embedDim, quickGelu, isSiglipVision: isSiglip };
  const vision = parseOpenClipVision(root.section("vision_cfg"), context);
  const { text, textHead } = parseOpenClipText(root.section("text_cfg"), context);
  const isUsualHead = textHead === (textTower(text).endsInJointSpace ? "none" : "linear");
  return {
    projectionDim: embedDim,
    initialLogitScale: root.logScale("init_logit_scale", initialLogitScale),
    vision,
    text,
    ...(isSiglip && { imageHead: "none" as const }),
    ...(!isUsualHead && { textHead }),
    ...(root.has("init_logit_bias") && {
      initialLogitBias: root.number("init_logit_bias"),
      loss: { kind: "sigmoid" as const },
    }),
  };
}

/** Whether the towers' activation is the quick one; open_clip has one switch for both. */
function isQuick({ vision, text }: BuiltInClipConfig): boolean {
  const isTimm = isVit(vision) && vision.pooling === "attention"; // has an activation of its own
  if (isVit(vision) && !isTimm) return vision.activation === "quick_gelu";
  return !isLanguageTower(text) && text.activation === "quick_gelu";
}

/**
 * Writes `open_clip_config.json` but for its `preprocess_cfg`.
 * @throws ClipError "bad-config" if open_clip cannot build the model, "unsupported" for a tower of one's own.
 */
export function formatOpenClipConfig(any: ClipConfig): { readonly model_cfg: Json } {
  const config = builtInClip(any, "open_clip's format");
  const { vision, text, projectionDim } = config;
  const heads = headsOf(config);
  if (heads.image !== usualImageHead(vision)) {
    return refuseForOpenClip(`a head "${heads.image}" behind the vision tower`);
  }
  const quick = isQuick(config);
  const context = { activation: quick ? ("quick_gelu" as const) : ("gelu" as const), projectionDim };
  const hasBias = lossOf(config).kind === "sigmoid";
  return {
    model_cfg: {
      embed_dim: projectionDim,
      ...(quick && { quick_gelu: true }),
      ...(config.initialLogitScale !== initialLogitScale && {
        init_logit_scale: config.initialLogitScale,
      }),
      ...(hasBias && { init_logit_bias: config.initialLogitBias ?? -10 }),
      ...(textKind(text) !== "clip" && { custom_text: true }),
      vision_cfg: formatOpenClipVision(vision, context),
      text_cfg: formatOpenClipText({ text, textHead: heads.text }, context),
    },
  };
}
