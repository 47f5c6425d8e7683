import type { HeadKind } from "@clip-ts/projection";
import {
  builtInText,
  textTower,
  type BuiltInTextConfig,
  type TextConfig,
} from "@clip-ts/text-encoder";
import {
  builtInVision,
  visionTower,
  type BuiltInVisionConfig,
  type VisionConfig,
} from "@clip-ts/vision-encoder";
import type { LossConfig } from "./loss-config.ts";

/** A whole CLIP: two towers and the space they share. */
export interface ClipConfig {
  readonly vision: VisionConfig;
  readonly text: TextConfig;
  /** Length of the vectors in the joint space. */
  readonly projectionDim: number;
  /** Starting logarithm of the factor on cosines. */
  readonly initialLogitScale: number;
  /** Start of the bias on scaled cosines; only a model of the sigmoid loss has one. Default -10. */
  readonly initialLogitBias?: number;
  /** Default: contrastive. */
  readonly loss?: LossConfig;
  /** Head behind the vision tower. Default "linear"; a ResNet's attention pool is its own head. */
  readonly imageHead?: HeadKind;
  /** Head behind the text tower. Default "linear"; SigLIP's tower has its own head. */
  readonly textHead?: HeadKind;
}

/** A CLIP of built-in towers: what presets are, and what other libraries' files can say. */
export interface BuiltInClipConfig extends ClipConfig {
  readonly vision: BuiltInVisionConfig;
  readonly text: BuiltInTextConfig;
}

/**
 * The config of built-in towers, for what `who` can do with no others.
 * @throws ClipError "unsupported" that names a tower of one's own.
 */
export function builtInClip(config: ClipConfig, who: string): BuiltInClipConfig {
  const { vision, text } = config;
  return { ...config, vision: builtInVision(vision, who), text: builtInText(text, who) };
}

/** The loss with its default. */
export function lossOf({ loss }: ClipConfig): LossConfig {
  return loss ?? { kind: "contrastive" };
}

/** Both heads with their defaults. */
export function headsOf({ vision, text, imageHead, textHead }: ClipConfig): {
  readonly image: HeadKind;
  readonly text: HeadKind;
} {
  return {
    image: imageHead ?? (visionTower(vision).endsInJointSpace ? "none" : "linear"),
    text: textHead ?? (textTower(text).endsInJointSpace ? "none" : "linear"),
  };
}
