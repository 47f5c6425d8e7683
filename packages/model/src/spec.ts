import { initParams, type ParamSpec } from "@clip-ts/core";
import { logitScaleSpec, projectionSpec, type ProjectionParams } from "@clip-ts/projection";
import { textSpec, type TextParams } from "@clip-ts/text-encoder";
import { visionFeatureWidth, visionSpec, type VisionParams } from "@clip-ts/vision-encoder";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";

/** Every parameter of CLIP under its Hugging Face name: flattened, this is `model.safetensors`. */
export interface ClipParams<Leaf = Tensor> {
  readonly vision_model: VisionParams<Leaf>;
  readonly text_model: TextParams<Leaf>;
  readonly visual_projection: ProjectionParams<Leaf>;
  readonly text_projection: ProjectionParams<Leaf>;
  /** Scalar: logarithm of the factor on cosines. */
  readonly logit_scale: Leaf;
}

/** Shapes and starting values of every parameter; takes no memory. */
export function clipSpec(config: ClipConfig): ClipParams<ParamSpec> {
  const { vision, text, projectionDim } = config;
  return {
    vision_model: visionSpec(vision),
    text_model: textSpec(text),
    visual_projection: projectionSpec(visionFeatureWidth(vision), projectionDim),
    text_projection: projectionSpec(text.width, projectionDim),
    logit_scale: logitScaleSpec(config.initialLogitScale),
  };
}

/** Freshly drawn parameters. The caller owns them. */
export function initClip(config: ClipConfig, seed: number): ClipParams {
  return initParams(clipSpec(config), seed) as ClipParams;
}
