import type { HeadKind } from "@clip-ts/projection";
import { textTower, type TextConfig } from "@clip-ts/text-encoder";
import { visionTower, type VisionConfig } from "@clip-ts/vision-encoder";
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
