import type { HeadKind } from "@clip-ts/projection";
import { builtInText, textTower, type BuiltInTextConfig, type TextConfig } from "@clip-ts/text-encoder";
import { builtInVision, visionTower, type BuiltInVisionConfig, type VisionConfig } from "@clip-ts/vision-encoder";
import type { Section } from "./config-files/section.ts";

/** What training makes small. */
export type LossConfig =
  | {
      /** Softmax over the batch both ways (Radford et al. 2021). */
      readonly kind: "contrastive";
      /** Share of every target spread over the whole batch; 0 by default. */
      readonly labelSmoothing?: number;
      /** Whether every equal caption of the batch counts as right; false by default. */
      readonly multiPositive?: boolean;
    }
  | {
      /** Every pair judged alone, with a bias (Zhai et al. 2023). */
      readonly kind: "sigmoid";
    };

/** The loss of one kind. */
export type LossOfKind<Kind extends LossConfig["kind"]> = Extract<LossConfig, { kind: Kind }>;

/** How files say what there is to say of each kind. */
type Readers = {
  readonly [Kind in LossConfig["kind"]]: (section: Section) => Omit<LossOfKind<Kind>, "kind">;
};

const readers: Readers = {
  contrastive: (section) => ({
    ...(section.has("labelSmoothing") && { labelSmoothing: section.share("labelSmoothing") }),
    ...(section.has("multiPositive") && { multiPositive: section.flag("multiPositive", false) }),
  }),
  sigmoid: () => ({}),
};

/** Reads a loss; its kind decides which keys there are. */
export function parseLoss(section: Section): LossConfig {
  const kinds = Object.keys(readers) as LossConfig["kind"][];
  const kind = section.choice("kind", kinds);
  return { kind, ...readers[kind](section) };
}

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
