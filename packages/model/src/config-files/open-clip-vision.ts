import { ClipError, shownSize } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import {
  isVit,
  visionTower,
  type BuiltInVisionConfig,
  type QueryPoolConfig,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import { isLaterVit } from "./hugging-face-clip.ts";
import { siglipVisionStyle } from "./hugging-face-siglip.ts";
import {
  activationOf,
  blockKeys,
  blocksOf,
  formatActivation,
  formatBlocks,
  mlpRatioOf,
  mlpWidthOf,
  refuseForOpenClip,
  withoutUsual,
  type OpenClipContext,
} from "./open-clip-style.ts";
import { formatTimmSwin, parseTimmSwin } from "./open-clip-swin.ts";
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
  if (vision === undefined) section.refuse("timm_model_name", "one of timm's SigLIP or Swin transformers");
  section.choice("timm_pool", ["map"]);
  section.choice("timm_proj", ["none"]);
  return { ...vision, ...(section.has("image_size") && { imageSize: section.size("image_size") }) };
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
    const size = shownSize(vision.imageSize);
    return refuseForOpenClip(`this SigLIP transformer at ${size} pixels (timm has it at ${known})`);
  }
  if (isLaterVit(vision)) return refuseForOpenClip("a transformer with options of DINOv2 or DeiT");
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
  attentional_pool: false,
  final_ln_after_pool: false,
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
  const positions = section.choice("pos_embed_type", ["learnable", "sin_cos_2d"], "learnable");
  const patchDropout = section.share("patch_dropout", usual.patch_dropout);
  return {
    ...(section.flag("no_ln_pre", usual.no_ln_pre) && { preNorm: false }),
    ...(positions === "sin_cos_2d" && { positions: "sincos" }),
    ...(patchDropout > 0 && { patchDropout }),
  };
}

const poolTypes = ["tok", "avg"] as const;

function poolTypeOf(section: Section): (typeof poolTypes)[number] {
  if (section.json["pool_type"] === "none") {
    section.refuse("pool_type", '"tok" or "avg" ("none" leaves an image without one feature)');
  }
  return section.choice("pool_type", poolTypes, usual.pool_type);
}

/** Which pool of queries `attentional_pool` asks for: with "parallel" or "cascade", `pool_type` is not looked at. */
function queryPoolKind(section: Section): QueryPoolConfig["kind"] {
  const asked = section.json["attentional_pool"];
  if (asked === true) return poolTypeOf(section) === "avg" ? "mean" : "first";
  return section.choice("attentional_pool", ["parallel", "cascade"]);
}

/** What becomes the image's feature; a pool of queries ends as long as the joint space. */
function parsePooling(section: Section, embedDim: number): Partial<VitConfig> {
  const hasQueries = section.has("attentional_pool") && section.json["attentional_pool"] !== false;
  if (!hasQueries) {
    if (poolTypeOf(section) === "tok") return {}; // of one token it makes no difference when the norm comes
    const normAfterPool = section.flag("final_ln_after_pool", usual.final_ln_after_pool);
    return { pooling: "mean", ...(normAfterPool && { normAfterPool }) };
  }
  const heads = section.positive("attn_pooler_heads", 8);
  if (embedDim % heads !== 0) section.refuse("attn_pooler_heads", `a divisor of embed_dim ${embedDim}`);
  const queries = section.positive("attn_pooler_queries", 256);
  return { pooling: "queries", queryPool: { kind: queryPoolKind(section), width: embedDim, queries, heads } };
}

function parseVit(section: Section, { quickGelu, embedDim }: OpenClipContext): VitConfig {
  const width = section.positive("width", 768);
  const headWidth = section.positive("head_width", usual.head_width);
  if (width % headWidth !== 0) section.refuse("head_width", `a divisor of the width ${width}`);
  return {
    width,
    heads: width / headWidth,
    layers: section.layers("layers", 12),
    mlpWidth: mlpWidthOf(section, width),
    ...activationOf(section, quickGelu),
    ...blocksOf(section),
    imageSize: section.size("image_size", 224),
    patchSize: section.size("patch_size", 16),
    channels: 3,
    ...parseOptions(section),
    ...parsePooling(section, embedDim),
  };
}

/** Reads `vision_cfg`. */
export function parseOpenClipVision(section: Section, context: OpenClipContext): BuiltInVisionConfig {
  section.onlyKeys(knownKeys);
  if (section.has("timm_model_name")) return parseTimmSwin(section) ?? parseTimmSiglip(section);
  if (Array.isArray(section.json["layers"])) return parseResNet(section, context);
  return parseVit(section, context);
}

/** The keys of what becomes the image's feature. */
function formatPooling({ pooling, normAfterPool, queryPool }: VitConfig, projectionDim: number): Json {
  if (pooling !== "queries" || queryPool === undefined) {
    const isMean = pooling === "mean";
    return { pool_type: isMean ? "avg" : "tok", final_ln_after_pool: isMean && normAfterPool === true };
  }
  const { kind, width, queries, heads } = queryPool;
  if (width !== projectionDim) return refuseForOpenClip("queries of another length than the joint space");
  const isOne = kind === "first" || kind === "mean";
  return {
    attentional_pool: isOne ? true : kind,
    attn_pooler_queries: queries,
    attn_pooler_heads: heads,
    ...(isOne && { pool_type: kind === "mean" ? "avg" : "tok" }),
  };
}

/** What the rest of the model tells the vision tower's keys. */
interface FormatContext {
  /** What open_clip takes without further keys. */
  readonly activation: Activation;
  readonly projectionDim: number;
}

function formatVit(vision: VitConfig, context: FormatContext): Json {
  const { width, heads } = vision;
  if (isLaterVit(vision)) return refuseForOpenClip("a transformer with options of DINOv2 or DeiT");
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
    ...formatBlocks(vision),
    no_ln_pre: vision.preNorm === false,
    ...formatPooling(vision, context.projectionDim),
    pos_embed_type: vision.positions === "sincos" ? "sin_cos_2d" : "learnable",
    patch_dropout: vision.patchDropout,
  };
  return withoutUsual(keys, usual);
}

/** Writes `vision_cfg`. */
export function formatOpenClipVision(vision: BuiltInVisionConfig, context: FormatContext): Json {
  if (vision.channels !== 3) return refuseForOpenClip(`images of ${vision.channels} channels`);
  if (isVit(vision)) {
    return vision.pooling === "attention" ? formatTimmSiglip(vision) : formatVit(vision, context);
  }
  if (vision.kind === "swin") return formatTimmSwin(vision);
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
