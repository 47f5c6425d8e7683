import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { HeadKind } from "@clip-ts/projection";
import type { BuiltInTextConfig } from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { Json, Section } from "./section.ts";

/** What every section of open_clip's file shares. */
export interface OpenClipContext {
  readonly embedDim: number;
  readonly quickGelu: boolean;
  /** Whether the vision tower is SigLIP's, whose text tower ends in a head with a bias. */
  readonly isSiglipVision: boolean;
}

/** A text tower and the head behind it. */
export interface TextSide {
  readonly text: BuiltInTextConfig;
  readonly textHead: HeadKind;
}

/** Activation and norms of a tower. */
type Style = Pick<TransformerConfig, "activation" | "layerNormEps" | "norms">;

/** Says that open_clip's file cannot hold something. @throws ClipError "bad-config" always. */
export function refuseForOpenClip(what: string): never {
  throw new ClipError("bad-config", `open_clip's config has no keys for ${what}: write the model in our own layout.`);
}

/** What blocks may have beside CLIP's, by open_clip's keys. */
const blockOptions = {
  qk_norm: "queryKeyNorm",
  scale_heads: "headScale",
  scale_attn_inner: "innerNorm",
  scale_attn: "attentionNorm",
  scale_fc: "mlpNorm",
} as const satisfies Readonly<Record<string, keyof TransformerConfig>>;

type BlockKey = keyof typeof blockOptions;
const optionKeys = Object.keys(blockOptions) as BlockKey[];

/** Keys of a tower's blocks. */
export const blockKeys: readonly string[] = ["block_type", "scaled_cosine_attn", "ls_init_value", ...optionKeys];

/** Reads what the blocks have beside CLIP's. Of "default" blocks open_clip asks nothing but LayerScale. */
export function blocksOf(section: Section): Partial<TransformerConfig> {
  const isCustom = section.choice("block_type", ["default", "custom"], "custom") === "custom";
  const asked = optionKeys.filter((key) => section.flag(key, false) && isCustom);
  if (isCustom && section.flag("scaled_cosine_attn", false)) {
    section.refuse("scaled_cosine_attn", "false: open_clip itself builds such a tower and cannot run it");
  }
  return {
    ...(section.has("ls_init_value") && { layerScale: section.number("ls_init_value") }),
    ...Object.fromEntries(asked.map((key) => [blockOptions[key], true])),
  };
}

/** Writes the same. */
export function formatBlocks(config: TransformerConfig): Json {
  const asked = optionKeys.filter((key) => config[blockOptions[key]] === true);
  return { ls_init_value: config.layerScale, ...Object.fromEntries(asked.map((key) => [key, true])) };
}

/** Reads `act_kwargs`: the variant of GELU. */
function geluOf(section: Section): Activation {
  const details = section.section("act_kwargs", {});
  details.onlyKeys(["approximate"]);
  const variant = details.choice("approximate", ["none", "tanh"], "none");
  return variant === "tanh" ? "gelu_pytorch_tanh" : "gelu";
}

/** Reads `act_kwargs` of a tower of QuickGELU, which takes none. */
function quickGeluOf(section: Section): Activation {
  if (Object.keys(section.section("act_kwargs", {}).json).length > 0) {
    section.without("act_kwargs", "QuickGELU has none");
  }
  return "quick_gelu";
}

/** Reads `norm_kwargs` of a tower. */
function normsOf(section: Section): Omit<Style, "activation"> {
  const norm = section.section("norm_kwargs", {});
  norm.onlyKeys(["eps", "elementwise_affine", "bias"]);
  const isPlain = !norm.flag("elementwise_affine", true);
  const isGain = !norm.flag("bias", true);
  return {
    layerNormEps: norm.epsilon("eps", 1e-5),
    ...((isPlain || isGain) && { norms: isPlain ? "plain" : "gain" }),
  };
}

/** Reads `act_kwargs` and `norm_kwargs` of a tower. */
export function activationOf(section: Section, quickGelu: boolean): Style {
  return { activation: quickGelu ? quickGeluOf(section) : geluOf(section), ...normsOf(section) };
}

/** The hidden layer's length, which open_clip's file says by its ratio to the width. */
export function mlpWidthOf(section: Section, width: number): number {
  const ratio = section.number("mlp_ratio", 4, { least: 1 / width, most: 256 });
  return Math.floor(width * ratio);
}

/** The ratio that open_clip makes this length of. */
export function mlpRatioOf({ width, mlpWidth }: { readonly width: number; readonly mlpWidth: number }): number {
  const ratio = mlpWidth / width;
  return Math.floor(width * ratio) === mlpWidth ? ratio : (mlpWidth + 0.5) / width;
}

function formatNorms({ layerNormEps, norms = "affine" }: Style): Json {
  const keys = {
    ...(layerNormEps !== 1e-5 && { eps: layerNormEps }),
    ...(norms === "plain" && { elementwise_affine: false }),
    ...(norms === "gain" && { bias: false }),
  };
  return Object.keys(keys).length > 0 ? { norm_kwargs: keys } : {};
}

/** Writes the same, as far as it differs from what open_clip takes anyway. */
export function formatActivation(style: Style, usual: Activation): Json {
  const { activation } = style;
  const isTanh = activation === "gelu_pytorch_tanh" && usual === "gelu";
  if (activation !== usual && !isTanh) {
    return refuseForOpenClip(`a tower with ${activation} beside one with ${usual}`);
  }
  return { ...(isTanh && { act_kwargs: { approximate: "tanh" } }), ...formatNorms(style) };
}

/** The keys that say something: neither undefined nor what open_clip takes anyway. */
export function withoutUsual(keys: Json, usual: Json): Json {
  return Object.fromEntries(Object.entries(keys).filter(([key, value]) => value !== undefined && value !== usual[key]));
}
