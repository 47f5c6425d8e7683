import type { Activation } from "@clip-ts/core";
import type { VisionConfig, VitConfig } from "@clip-ts/vision-encoder";
import { isResNet } from "@clip-ts/vision-encoder";
import { siglipVisionStyle } from "./hugging-face-siglip.ts";
import type { OpenClipContext } from "./open-clip-context.ts";
import {
  activationOf,
  formatActivation,
  refuseForOpenClip,
  withoutUsual,
} from "./open-clip-style.ts";
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

/** SigLIP's vision transformers by timm's names: width, layers, heads, length of the hidden layer. */
const timmSizes: Readonly<Record<string, readonly [number, number, number, number]>> = {
  base: [768, 12, 12, 3072],
  large: [1024, 24, 16, 4096],
  so400m: [1152, 27, 16, 4304],
};

const timmSiglip = /^vit_(base|large|so400m)_patch(\d+)_siglip_(\d+)$/u;

function parseTimm(section: Section): VitConfig {
  const parts = timmSiglip.exec(section.text("timm_model_name"));
  if (parts === null) section.refuse("timm_model_name", "one of timm's SigLIP transformers");
  section.choice("timm_pool", ["map"]);
  section.choice("timm_proj", ["none", ""]);
  const [, size = "", patch, image] = parts;
  const [width, layers, heads, mlpWidth] = timmSizes[size] as (typeof timmSizes)[string];
  return {
    width,
    layers,
    heads,
    mlpWidth,
    activation: "gelu",
    layerNormEps: 1e-6,
    imageSize: section.positive("image_size", Number(image)),
    patchSize: Number(patch),
    channels: 3,
    ...siglipVisionStyle,
  };
}

function parseResNet(section: Section, { embedDim }: OpenClipContext): VisionConfig {
  const layers = section.json["layers"] as readonly number[];
  if (layers.length !== 4 || !layers.every((blocks) => Number.isInteger(blocks) && blocks > 0)) {
    section.refuse("layers", "four positive whole numbers");
  }
  const width = section.positive("width", 64);
  return {
    kind: "resnet",
    layers: layers as readonly [number, number, number, number],
    width,
    heads: Math.floor((width * 32) / section.positive("head_width", 64)),
    outputDim: embedDim,
    imageSize: section.positive("image_size", 224),
    channels: 3,
  };
}

/** What open_clip can build and we cannot: refused, not ignored. */
const unknownKeys = [
  "attentional_pool",
  "qk_norm",
  "scaled_cosine_attn",
  "scale_heads",
  "scale_attn_inner",
  "scale_attn",
  "scale_fc",
];

function parseOptions(section: Section): Partial<VitConfig> {
  const isMean = section.choice("pool_type", ["tok", "avg"], usual.pool_type) === "avg";
  // Of one token it makes no difference whether the norm comes before or after.
  if (isMean) section.only("final_ln_after_pool", false);
  const positions = section.choice("pos_embed_type", ["learnable", "sin_cos_2d"], "learnable");
  const patchDropout = section.number("patch_dropout", usual.patch_dropout);
  return {
    ...(section.has("ls_init_value") && { layerScale: section.number("ls_init_value") }),
    ...(section.flag("no_ln_pre", usual.no_ln_pre) && { preNorm: false }),
    ...(isMean && { pooling: "mean" }),
    ...(positions === "sin_cos_2d" && { positions: "sincos" }),
    ...(patchDropout > 0 && { patchDropout }),
  };
}

function parseVit(section: Section, { quickGelu }: OpenClipContext): VitConfig {
  for (const key of unknownKeys) section.only(key, false);
  const width = section.positive("width", 768);
  const headWidth = section.positive("head_width", usual.head_width);
  if (width % headWidth !== 0) section.refuse("head_width", `a divisor of the width ${width}`);
  return {
    width,
    heads: width / headWidth,
    layers: section.positive("layers", 12),
    mlpWidth: Math.floor(width * section.number("mlp_ratio", usual.mlp_ratio)),
    ...activationOf(section, quickGelu),
    imageSize: section.positive("image_size", 224),
    patchSize: section.positive("patch_size", 16),
    channels: 3,
    ...parseOptions(section),
  };
}

/** Reads `vision_cfg`. */
export function parseOpenClipVision(section: Section, context: OpenClipContext): VisionConfig {
  if (section.has("timm_model_name")) return parseTimm(section);
  if (Array.isArray(section.json["layers"])) return parseResNet(section, context);
  return parseVit(section, context);
}

function formatSiglip(vision: VitConfig): Json {
  const { width, imageSize, patchSize, mlpWidth } = vision;
  const isSize = ([, sizes]: [string, readonly number[]]): boolean =>
    sizes[0] === width && sizes[3] === mlpWidth;
  const size = Object.entries(timmSizes).find(isSize)?.[0];
  if (size === undefined) return refuseForOpenClip("a SigLIP transformer of this size");
  return {
    image_size: imageSize,
    timm_model_name: `vit_${size}_patch${patchSize}_siglip_${imageSize}`,
    timm_model_pretrained: false,
    timm_pool: "map",
    timm_proj: "none",
  };
}

function formatVit(vision: VitConfig, context: { readonly activation: Activation }): Json {
  const { width, heads, mlpWidth } = vision;
  if (vision.patchBias === true) return refuseForOpenClip("a patch embedding with a bias");
  if (vision.classToken === false) return refuseForOpenClip("a transformer without class token");
  if (vision.pooling === "pooler") return refuseForOpenClip("a pooler behind the class token");
  const keys = {
    image_size: vision.imageSize,
    layers: vision.layers,
    width,
    patch_size: vision.patchSize,
    head_width: width / heads,
    mlp_ratio: mlpWidth / width,
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
  vision: VisionConfig,
  context: { readonly activation: Activation },
): Json {
  if (!isResNet(vision)) {
    return vision.pooling === "attention" ? formatSiglip(vision) : formatVit(vision, context);
  }
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
