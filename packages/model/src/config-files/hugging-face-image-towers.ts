import {
  isVit,
  type BuiltInVisionConfig,
  type SwinConfig,
  type VisionConfig,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import { formatTransformer, formatVit, isSquare, parseTransformer, parseVit } from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** A vision tower that transformers' `AutoModel` builds, under one model type. */
export interface ImageTower {
  /** Its `model_type`. */
  readonly type: string;
  /** Reads its config. @throws ClipError "bad-config" that names a key. */
  parse(section: Section): BuiltInVisionConfig;
  /** The same keys, written; undefined for a tower that is not of this type. */
  format(vision: VisionConfig): Json | undefined;
}

const vitDefaults = {
  width: 768,
  layers: 12,
  heads: 12,
  patchSize: 16,
  activation: "gelu",
  layerNormEps: 1e-12,
} as const;

/** The options by which transformers' vision transformers differ, as all have them that leave them out. */
const vitStyle: Readonly<Partial<Record<keyof VitConfig, unknown>>> = {
  classToken: true,
  preNorm: true,
  patchBias: false,
  pooling: "class",
  positions: "learned",
  layerScale: undefined,
  distillationToken: false,
  registerTokens: 0,
  gated: false,
  positionGrid: undefined,
  norms: "affine",
  queryKeyNorm: false,
  headScale: false,
  innerNorm: false,
  attentionNorm: false,
  mlpNorm: false,
  normAfterPool: false,
};

/** Whether a vision tower is a transformer with these options, and none but those in `free` besides. */
function isStyle(
  vision: VisionConfig,
  style: Partial<VitConfig>,
  free: readonly (keyof VitConfig)[] = [],
): vision is VitConfig {
  if (!isVit(vision) || !isSquare(vision)) return false;
  const all = { ...vitStyle, ...vision };
  return Object.entries({ ...vitStyle, ...style }).every(
    ([key, value]) => free.includes(key as keyof VitConfig) || all[key as keyof VitConfig] === value,
  );
}

/** What tells Hugging Face's plain ViT from CLIP's. */
const plainStyle = { preNorm: false, patchBias: true, pooling: "pooler" } as const;

/** Reads the pooler's keys, which have one value here. */
function parsePooled(section: Section): VitConfig {
  const vision = { ...parseVit(section, vitDefaults), ...plainStyle };
  section.only("qkv_bias", true);
  section.only("pooler_act", "tanh");
  section.only("pooler_output_size", vision.width);
  return vision;
}

function formatPooled(vision: VitConfig): Json {
  const { attention_dropout: _other, ...keys } = formatVit(vision);
  return {
    ...keys,
    qkv_bias: true,
    pooler_act: "tanh",
    pooler_output_size: vision.width,
    attention_probs_dropout_prob: 0,
    hidden_dropout_prob: 0,
  };
}

const formatDeviation = ({ initialDeviation }: VitConfig): Json =>
  initialDeviation === undefined ? {} : { initializer_range: initialDeviation };

/** The plain ViT (Dosovitskiy et al. 2021). */
export const plainVit: ImageTower = {
  type: "vit",
  parse: parsePooled,
  format: (vision) => (isStyle(vision, plainStyle) ? formatPooled(vision) : undefined),
};

const deitStyle = { ...plainStyle, distillationToken: true } as const;

/** DeiT with its second token (Touvron et al. 2021, arXiv:2012.12877). */
export const deit: ImageTower = {
  type: "deit",
  parse: (section) => ({
    ...parsePooled(section),
    distillationToken: true,
    initialDeviation: section.number("initializer_range", 0.02),
  }),
  format: (vision) =>
    isStyle(vision, deitStyle) ? { ...formatPooled(vision), ...formatDeviation(vision) } : undefined,
};

/** Values that enter the second layer of DINOv2's MLP: of SwiGLU two thirds of an MLP's, a multiple of 8. */
function dinoMlpWidth(width: number, ratio: number, gated: boolean): number {
  const plain = width * ratio;
  return gated ? Math.floor((Math.floor((plain * 2) / 3) + 7) / 8) * 8 : plain;
}

/** The whole number of `mlp_ratio` that makes the MLP as wide as it is. */
function dinoRatio({ width, mlpWidth, gated = false }: VitConfig): number | undefined {
  const ratios = Array.from({ length: most }, (_, index) => index + 1);
  return ratios.find((ratio) => dinoMlpWidth(width, ratio, gated) === mlpWidth);
}

/** The largest `mlp_ratio`. */
const most = 64;

const dinoStyle = { preNorm: false, patchBias: true } as const;

/** Reads DINOv2's keys. Its table of positions is that of `image_size`, whatever images it sees. */
function parseDino(section: Section, patch: number): VitConfig {
  section.only("qkv_bias", true);
  const gated = section.flag("use_swiglu_ffn", false);
  const stack = parseTransformer(section, { ...vitDefaults, layerNormEps: 1e-6 });
  const [imageSize, patchSize] = [section.side("image_size", 224), section.side("patch_size", patch)];
  return {
    ...stack,
    mlpWidth: dinoMlpWidth(stack.width, section.positive("mlp_ratio", 4, most), gated),
    ...(gated && { gated, activation: "silu" as const }),
    layerScale: section.number("layerscale_value", 1),
    imageSize,
    patchSize,
    channels: section.positive("num_channels", 3),
    ...dinoStyle,
    positionGrid: Math.floor(imageSize / patchSize),
    initialDeviation: section.number("initializer_range", 0.02),
    ...(section.has("patch_dropout") && { patchDropout: section.share("patch_dropout") }),
  };
}

/** The same keys, written; undefined for a tower that is no DINOv2. */
function formatDino(vision: VisionConfig): Json | undefined {
  const free = ["layerScale", "positionGrid", "registerTokens", "gated"] as const;
  if (!isStyle(vision, dinoStyle, free)) return undefined;
  const { layerScale, positionGrid, gated = false, patchSize } = vision;
  const ratio = dinoRatio(vision);
  const isWhole = positionGrid !== undefined && layerScale !== undefined && ratio !== undefined;
  if (!isWhole || (gated && vision.activation !== "silu")) return undefined;
  const { intermediate_size: _width, attention_dropout: _other, ...keys } = formatTransformer(vision);
  return {
    ...keys,
    ...(gated && { hidden_act: "gelu" }), // unread there
    mlp_ratio: ratio,
    use_swiglu_ffn: gated,
    layerscale_value: layerScale,
    image_size: positionGrid * (patchSize as number), // a square, as `isStyle` has found
    patch_size: patchSize,
    num_channels: vision.channels,
    qkv_bias: true,
    attention_probs_dropout_prob: 0,
    hidden_dropout_prob: 0,
    drop_path_rate: 0,
    ...formatDeviation(vision),
    ...(vision.patchDropout !== undefined && { patch_dropout: vision.patchDropout }),
  };
}

/** DINOv2 (Oquab et al. 2023, arXiv:2304.07193). */
export const dinov2: ImageTower = {
  type: "dinov2",
  parse: (section) => parseDino(section, 14),
  format(vision) {
    const keys = isVit(vision) && (vision.registerTokens ?? 0) === 0 ? formatDino(vision) : undefined;
    return keys && { ...keys, use_mask_token: false }; // only training by masks has one
  },
};

/** The same with registers (Darcet et al. 2023, arXiv:2309.16588). */
export const dinov2WithRegisters: ImageTower = {
  type: "dinov2_with_registers",
  parse: (section) => ({ ...parseDino(section, 16), registerTokens: section.positive("num_register_tokens", 4) }),
  format(vision) {
    const registers = isVit(vision) ? (vision.registerTokens ?? 0) : 0;
    const keys = registers > 0 ? formatDino(vision) : undefined;
    return keys && { ...keys, num_register_tokens: registers };
  },
};

/** Reads Swin's keys. */
function parseSwin(section: Section): SwinConfig {
  section.only("qkv_bias", true);
  section.only("use_absolute_embeddings", false);
  return {
    kind: "swin",
    imageSize: section.side("image_size", 224),
    channels: section.positive("num_channels", 3),
    patchSize: section.side("patch_size", 4),
    width: section.positive("embed_dim", 96),
    layers: section.sizes("depths", [2, 2, 6, 2]),
    stageHeads: section.sizes("num_heads", [3, 6, 12, 24]),
    window: section.side("window_size", 7),
    mlpRatio: section.number("mlp_ratio", 4),
    activation: section.activation("hidden_act", "gelu"),
    layerNormEps: section.epsilon("layer_norm_eps", 1e-5),
    initialDeviation: section.number("initializer_range", 0.02),
  };
}

function formatSwin(vision: SwinConfig): Json {
  return {
    image_size: vision.imageSize,
    num_channels: vision.channels,
    patch_size: vision.patchSize,
    embed_dim: vision.width,
    hidden_size: vision.width * 2 ** (vision.layers.length - 1),
    depths: vision.layers,
    num_heads: vision.stageHeads,
    num_layers: vision.layers.length,
    window_size: vision.window,
    mlp_ratio: vision.mlpRatio,
    hidden_act: vision.activation,
    layer_norm_eps: vision.layerNormEps,
    qkv_bias: true,
    use_absolute_embeddings: false,
    attention_probs_dropout_prob: 0,
    hidden_dropout_prob: 0,
    drop_path_rate: 0,
    initializer_range: vision.initialDeviation ?? 0.02,
  };
}

/** Swin (Liu et al. 2021, arXiv:2103.14030). */
export const swin: ImageTower = {
  type: "swin",
  parse: parseSwin,
  format: (vision) => (vision.kind === "swin" ? formatSwin(vision) : undefined),
};
