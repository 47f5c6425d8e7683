import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { HeadKind } from "@clip-ts/projection";
import type { BuiltInTextConfig } from "@clip-ts/text-encoder";
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

/** Activation and norm constant of a tower. */
interface Style {
  readonly activation: Activation;
  readonly layerNormEps: number;
}

/** Says that open_clip's file cannot hold something. @throws ClipError "bad-config" always. */
export function refuseForOpenClip(what: string): never {
  throw new ClipError("bad-config", `open_clip's config has no keys for ${what}: write the model in our own layout.`);
}

/** Keys of a tower's blocks; what they name, open_clip can build and we cannot. */
export const blockKeys = [
  "block_type",
  "qk_norm",
  "scaled_cosine_attn",
  "scale_heads",
  "scale_attn_inner",
  "scale_attn",
  "scale_fc",
] as const;

/** Refuses blocks other than CLIP's. Its "custom" ones are the same where nothing else is asked of them. */
export function assertPlainBlocks(section: Section): void {
  const [type, ...options] = blockKeys;
  section.choice(type, ["default", "custom"], "default");
  for (const key of options) section.only(key, false);
}

/** Reads `act_kwargs`: the variant of GELU. */
function geluOf(section: Section): Activation {
  const details = section.section("act_kwargs", {});
  details.onlyKeys(["approximate"]);
  const variant = details.choice("approximate", ["none", "tanh"], "none");
  return variant === "tanh" ? "gelu_pytorch_tanh" : "gelu";
}

/** Reads `act_kwargs` and `norm_kwargs` of a tower. */
export function activationOf(section: Section, quickGelu: boolean): Style {
  const norm = section.section("norm_kwargs", {});
  norm.onlyKeys(["eps", "elementwise_affine", "bias"]);
  norm.only("elementwise_affine", true);
  norm.only("bias", true);
  if (quickGelu) section.without("act_kwargs", "QuickGELU has none");
  return {
    activation: quickGelu ? "quick_gelu" : geluOf(section),
    layerNormEps: norm.epsilon("eps", 1e-5),
  };
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

/** Writes the same, as far as it differs from what open_clip takes anyway. */
export function formatActivation({ activation, layerNormEps }: Style, usual: Activation): Json {
  const isTanh = activation === "gelu_pytorch_tanh" && usual === "gelu";
  if (activation !== usual && !isTanh) {
    return refuseForOpenClip(`a tower with ${activation} beside one with ${usual}`);
  }
  return {
    ...(isTanh && { act_kwargs: { approximate: "tanh" } }),
    ...(layerNormEps !== 1e-5 && { norm_kwargs: { eps: layerNormEps } }),
  };
}

/** The keys that say something: neither undefined nor what open_clip takes anyway. */
export function withoutUsual(keys: Json, usual: Json): Json {
  return Object.fromEntries(Object.entries(keys).filter(([key, value]) => value !== undefined && value !== usual[key]));
}
