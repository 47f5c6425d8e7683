import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import { isVit, visionTower, type BuiltInVisionConfig, type VitConfig } from "@clip-ts/vision-encoder";
import { siglipVisionStyle } from "./hugging-face-siglip.ts";
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
import type { Json, Section } from "./section.ts";

/** SigLIP's vision transformers in timm: width, layers, heads, length of the hidden layer. */
const sizes: Readonly<Record<string, readonly [number, number, number, number]>> = {
  base: [768, 12, 12, 3072],
  large: [1024, 24, 16, 4096],
  so400m: [1152, 27, 16, 4304],
  giantopt: [1536, 40, 16, 6144],
};

/**
 * Image sizes of each transformer, by the variant of GELU with which timm computes it: the `act_layer` of the
 * name's own function in timm 1.0's `models/vision_transformer.py`. `tools/peers/fixtures/list_timm_siglip.py`
 * writes the table that the test holds this one against. Names with `_gap_` have no attention pool of their
 * own, and open_clip's `timm_pool: "map"` gives them one.
 */
const images: Readonly<Record<string, { readonly erf?: readonly number[]; readonly tanh?: readonly number[] }>> = {
  base_patch32_siglip: { tanh: [256] },
  base_patch16_siglip: { erf: [224, 256, 384, 512] },
  large_patch16_siglip: { erf: [256, 384], tanh: [512] },
  so400m_patch14_siglip: { erf: [224, 378, 384] },
  so400m_patch16_siglip: { tanh: [256, 384, 512] },
  giantopt_patch16_siglip: { tanh: [256, 384] },
  base_patch32_siglip_gap: { tanh: [256] },
  base_patch16_siglip_gap: { erf: [224, 256, 384, 512] },
  large_patch16_siglip_gap: { erf: [256, 384], tanh: [512] },
  so400m_patch14_siglip_gap: { erf: [224, 378, 384, 448, 896] },
  so400m_patch16_siglip_gap: { tanh: [256, 384, 512] },
  giantopt_patch16_siglip_gap: { tanh: [256, 384] },
};

/** What one of timm's names stands for. */
export interface TimmSiglip {
  readonly name: string;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly patchSize: number;
  readonly imageSize: number;
  readonly activation: Activation;
}

function describe(kind: string, imageSize: number, activation: Activation): TimmSiglip {
  const [, size = "", patch] = /^([a-z0-9]+)_patch(\d+)/u.exec(kind) ?? [];
  const [width = 0, layers = 0, heads = 0, mlpWidth = 0] = sizes[size] ?? [];
  const name = `vit_${kind}_${imageSize}`;
  return { name, width, layers, heads, mlpWidth, patchSize: Number(patch), imageSize, activation };
}

/** Every vision transformer of SigLIP's that timm has. */
export const timmSiglips: readonly TimmSiglip[] = Object.entries(images).flatMap(([kind, { erf = [], tanh = [] }]) => [
  ...erf.map((image) => describe(kind, image, "gelu")),
  ...tanh.map((image) => describe(kind, image, "gelu_pytorch_tanh")),
]);

/** One of them as timm builds it, at the image size of its name; undefined for a name that is none of them. */
export function timmSiglipVit(name: string): VitConfig | undefined {
  const found = timmSiglips.find((known) => known.name === name);
  if (found === undefined) return undefined;
  const { name: _name, ...sizes } = found;
  return { ...sizes, layerNormEps: 1e-6, channels: 3, ...siglipVisionStyle };
}

/** Reads SigLIP's vision transformer, which open_clip takes from timm by name. */
function parseTimmSiglip(section: Section): VitConfig {
  const name = section.text("timm_model_name").replace(/\..*$/u, ""); // without the weights' tag
  const vision = timmSiglipVit(name);
  if (vision === undefined) section.refuse("timm_model_name", "one of timm's SigLIP transformers");
  section.choice("timm_pool", ["map"]);
  section.choice("timm_proj", ["none"]);
  return { ...vision, imageSize: section.side("image_size", vision.imageSize) };
}

function isSize(vision: VitConfig, known: TimmSiglip): boolean {
  const keys = ["width", "layers", "heads", "mlpWidth", "patchSize"] as const;
  return keys.every((key) => known[key] === vision[key]);
}

/** What GELU's variants are called where people read it. */
const geluNames: Readonly<Record<string, string>> = {
  gelu: "the error function (gelu)",
  gelu_pytorch_tanh: "tanh (gelu_pytorch_tanh)",
};

/** @throws ClipError "unsupported" where open_clip would compute another GELU than the model. */
function checkActivation({ activation }: VitConfig, known: TimmSiglip): void {
  if (known.activation === activation) return;
  const [theirs, ours] = [known.activation, activation].map((name) => geluNames[name] ?? name);
  const isGelu = activation in geluNames;
  const way = isGelu
    ? `Say --activation ${known.activation} to have it so all the same (features move by about 2e-4), as ` +
      "open_clip's own files of these weights do."
    : "Write the model in another layout.";
  throw new ClipError(
    "unsupported",
    `open_clip builds this vision tower as timm's ${known.name}, whose GELU is computed by ${theirs}; this ` +
      `model's activation is ${ours}. ${way}`,
    { data: { timm: known.name, theirs: known.activation, ours: activation } },
  );
}

/** Writes SigLIP's vision transformer by its name in timm. @throws ClipError if timm has none that computes it. */
function formatTimmSiglip(vision: VitConfig): Json {
  const ofSize = timmSiglips.filter((known) => isSize(vision, known));
  if (ofSize.length === 0) return refuseForOpenClip("a SigLIP transformer of this size");
  const found = ofSize.find(({ imageSize }) => imageSize === vision.imageSize);
  if (found === undefined) {
    const known = [...new Set(ofSize.map(({ imageSize }) => imageSize))].join(", ");
    return refuseForOpenClip(`this SigLIP transformer at ${vision.imageSize} pixels (timm has it at ${known})`);
  }
  if (vision.layerNormEps !== 1e-6) return refuseForOpenClip("another norm constant than timm's");
  checkActivation(vision, found);
  return {
    image_size: vision.imageSize,
    timm_model_name: found.name,
    timm_model_pretrained: false,
    timm_pool: "map",
    timm_proj: "none",
  };
}

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
export function parseOpenClipVision(section: Section, context: OpenClipContext): BuiltInVisionConfig {
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
export function formatOpenClipVision(vision: BuiltInVisionConfig, context: { readonly activation: Activation }): Json {
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
