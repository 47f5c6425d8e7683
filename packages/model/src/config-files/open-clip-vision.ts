import type { Activation } from "@clip-ts/core";
import type { BuiltInVisionConfig, VitConfig } from "@clip-ts/vision-encoder";
import { isVit, visionTower } from "@clip-ts/vision-encoder";
import {
  activationOf,
  assertPlainBlocks,
  blockKeys,
  formatActivation,
  mlpRatioOf,
  mlpWidthOf,
  refuseForOpenClip,
  withoutUsual,
  type OpenClipContext,
} from "./open-clip-style.ts";
import { formatTimmSiglip, parseTimmSiglip } from "./open-clip-siglip.ts";
import type { Json, Section } from "./section.ts";

/** What open_clip takes where a key is missing. */
const usual = {
  head_width: 64,
  mlp_ratio: 4,
  no_ln_pre: false,
  pool_type: "tok",
  pos_embed_type: "learnable",
  patch_dropout: 0,
} as const;

function parseResNet(section: Section, { embedDim }: OpenClipContext): BuiltInVisionConfig {
  const layers = section.stages("layers");
  const width = section.positive("width", 64);
  const headWidth = section.positive("head_width", usual.head_width);
  const channels = width * 32; // of the last stage, which the attention pool reads
  if (channels % headWidth !== 0) section.refuse("head_width", `a divisor of ${channels}`);
  return {
    kind: "resnet",
    layers,
    width,
    heads: channels / headWidth,
    outputDim: embedDim,
    imageSize: section.side("image_size", 224),
    channels: 3,
  };
}

/** Every key that `vision_cfg` may have. */
const knownKeys = [
  "layers",
  "width",
  "head_width",
  "mlp_ratio",
  "patch_size",
  "image_size",
  "ls_init_value",
  "patch_dropout",
  "attentional_pool",
  "attn_pooler_queries",
  "attn_pooler_heads",
  "no_ln_pre",
  "pos_embed_type",
  "final_ln_after_pool",
  "pool_type",
  "output_tokens",
  "act_kwargs",
  "norm_kwargs",
  ...blockKeys,
  "timm_model_name",
  "timm_model_pretrained",
  "timm_pool",
  "timm_proj",
  "timm_proj_bias",
  "timm_drop",
  "timm_drop_path",
];

function parseOptions(section: Section): Partial<VitConfig> {
  const isMean = section.choice("pool_type", ["tok", "avg"], usual.pool_type) === "avg";
  // Of one token it makes no difference whether the norm comes before or after.
  if (isMean) section.only("final_ln_after_pool", false);
  const positions = section.choice("pos_embed_type", ["learnable", "sin_cos_2d"], "learnable");
  const patchDropout = section.share("patch_dropout", usual.patch_dropout);
  return {
    ...(section.has("ls_init_value") && { layerScale: section.number("ls_init_value") }),
    ...(section.flag("no_ln_pre", usual.no_ln_pre) && { preNorm: false }),
    ...(isMean && { pooling: "mean" }),
    ...(positions === "sin_cos_2d" && { positions: "sincos" }),
    ...(patchDropout > 0 && { patchDropout }),
  };
}

function parseVit(section: Section, { quickGelu }: OpenClipContext): VitConfig {
  section.only("attentional_pool", false);
  assertPlainBlocks(section);
  const width = section.positive("width", 768);
  const headWidth = section.positive("head_width", usual.head_width);
  if (width % headWidth !== 0) section.refuse("head_width", `a divisor of the width ${width}`);
  return {
    width,
    heads: width / headWidth,
    layers: section.layers("layers", 12),
    mlpWidth: mlpWidthOf(section, width),
    ...activationOf(section, quickGelu),
    imageSize: section.side("image_size", 224),
    patchSize: section.side("patch_size", 16),
    channels: 3,
    ...parseOptions(section),
  };
}

/** Reads `vision_cfg`. */
export function parseOpenClipVision(
  section: Section,
  context: OpenClipContext,
): BuiltInVisionConfig {
  section.onlyKeys(knownKeys);
  if (section.has("timm_model_name")) return parseTimmSiglip(section);
  if (Array.isArray(section.json["layers"])) return parseResNet(section, context);
  return parseVit(section, context);
}

function formatVit(vision: VitConfig, context: { readonly activation: Activation }): Json {
  const { width, heads } = vision;
  if (vision.patchBias === true) return refuseForOpenClip("a patch embedding with a bias");
  if (vision.classToken === false) return refuseForOpenClip("a transformer without class token");
  if (vision.pooling === "pooler") return refuseForOpenClip("a pooler behind the class token");
  const keys = {
    image_size: vision.imageSize,
    layers: vision.layers,
    width,
    patch_size: vision.patchSize,
    head_width: width / heads,
    mlp_ratio: mlpRatioOf(vision),
    ...formatActivation(vision, context.activation),
    ls_init_value: vision.layerScale,
    no_ln_pre: vision.preNorm === false,
    pool_type: vision.pooling === "mean" ? "avg" : "tok",
    pos_embed_type: vision.positions === "sincos" ? "sin_cos_2d" : "learnable",
    patch_dropout: vision.patchDropout,
  };
  return withoutUsual(keys, usual);
}

/** Writes `vision_cfg`; `activation` is what open_clip takes without further keys. */
export function formatOpenClipVision(
  vision: BuiltInVisionConfig,
  context: { readonly activation: Activation },
): Json {
  if (vision.channels !== 3) return refuseForOpenClip(`images of ${vision.channels} channels`);
  if (isVit(vision)) {
    return vision.pooling === "attention" ? formatTimmSiglip(vision) : formatVit(vision, context);
  }
  if (vision.kind !== "resnet") return refuseForOpenClip(visionTower(vision).title);
  const { layers, width, heads, imageSize } = vision;
  const headWidth = (width * 32) / heads;
  return {
    image_size: imageSize,
    layers,
    width,
    ...(headWidth !== 64 && { head_width: headWidth }),
    patch_size: null,
  };
}
