import { ClipError } from "@clip-ts/base";
import { initParams, withTraits, type ParamSpec } from "@clip-ts/core";
import {
  logitBiasSpec,
  logitScaleSpec,
  projectionSpec,
  type HeadKind,
  type ProjectionParams,
} from "@clip-ts/projection";
import { textFeatureWidth, textKind, textSpec, textTower, type TextParams } from "@clip-ts/text-encoder";
import { visionFeatureWidth, visionSpec, visionTower, type VisionParams } from "@clip-ts/vision-encoder";
import type { Tensor } from "@tensorflow/tfjs-core";
import { headsOf, lossOf, type ClipConfig } from "./config.ts";

/**
 * Every parameter of CLIP under its Hugging Face name: flattened, this is `model.safetensors`. A
 * ResNet, which Hugging Face has not, stands under open_clip's names in `vision_model`.
 */
export interface ClipParams<Leaf = Tensor> {
  readonly vision_model: VisionParams<Leaf>;
  readonly text_model: TextParams<Leaf>;
  /** Absent where the tower ends in the joint space by itself. */
  readonly visual_projection?: ProjectionParams<Leaf>;
  /** Absent where the tower ends in the joint space by itself. */
  readonly text_projection?: ProjectionParams<Leaf>;
  /** Logarithm of the factor on cosines: a scalar, [1] in SigLIP's checkpoints. */
  readonly logit_scale: Leaf;
  /** Added to scaled cosines; only with the sigmoid loss. Shaped as the scale. */
  readonly logit_bias?: Leaf;
}

/** A tower without a head must end in the joint space. */
function headSpec(
  kind: HeadKind,
  side: "vision" | "text",
  { dim, joint }: { readonly dim: number; readonly joint: number },
): ProjectionParams<ParamSpec> | undefined {
  if (kind !== "none") return projectionSpec(dim, joint, kind);
  if (dim === joint) return undefined;
  throw new ClipError(
    "bad-config",
    `The ${side} tower has no head, so its feature of ${dim} should be as long as the joint space's ` +
      `${joint}: choose a head or make them equal.`,
    { data: { side, dim, joint } },
  );
}

/**
 * Shapes and starting values of every parameter; takes no memory.
 * @throws ClipError "bad-config" if the towers do not meet in the joint space.
 */
export function clipSpec(config: ClipConfig): ClipParams<ParamSpec> {
  const { vision, text, projectionDim: joint } = config;
  const heads = headsOf(config);
  const one = textKind(text) === "siglip" ? [1] : []; // as the published files keep a single number
  const visual = headSpec(heads.image, "vision", { dim: visionFeatureWidth(vision), joint });
  const textual = headSpec(heads.text, "text", { dim: textFeatureWidth(text), joint });
  const [image, words] = [{ tower: "image" }, { tower: "text" }];
  const imageHead = { ...image, depth: visionTower(vision).depth(vision) + 1 };
  const textHead = { ...words, depth: textTower(text).depth(text) + 1 };
  return {
    vision_model: withTraits(visionSpec(vision), image),
    text_model: withTraits(textSpec(text), words),
    ...(visual && { visual_projection: withTraits(visual, imageHead) }),
    ...(textual && { text_projection: withTraits(textual, textHead) }),
    logit_scale: logitScaleSpec(config.initialLogitScale, one),
    ...(lossOf(config).kind === "sigmoid" && {
      logit_bias: logitBiasSpec(config.initialLogitBias, one),
    }),
  };
}

/** Freshly drawn parameters. The caller owns them. */
export function initClip(config: ClipConfig, seed: number): ClipParams {
  return initParams(clipSpec(config), seed) as ClipParams;
}
