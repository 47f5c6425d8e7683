import type { TransformerConfig } from "@clip-ts/transformer";
import type { OwnVisionTower } from "./own-tower.ts";

/** What every vision tower is given. */
export interface ImageConfig {
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  /** 3 for RGB. */
  readonly channels: number;
}

/** How the tokens of a vision transformer become one feature. */
export type VitPooling = "class" | "pooler" | "mean" | "attention";

/** A vision transformer. What is left out is as in CLIP. */
export interface VitConfig extends TransformerConfig, ImageConfig {
  readonly kind?: "vit";
  /** Side of a patch in pixels. What of `imageSize` fills no patch is left out at the bottom and right. */
  readonly patchSize: number;
  /** Whether a learned token stands before the patches; true by default. */
  readonly classToken?: boolean;
  /** Whether the tokens are normalised before the first block; true by default. */
  readonly preNorm?: boolean;
  /** Whether the patch embedding has a bias; false by default. */
  readonly patchBias?: boolean;
  /**
   * The class token (default); the class token through a dense layer and tanh, as in Hugging Face's ViT;
   * the mean of the patches; or SigLIP's head: a learned query's attention.
   */
  readonly pooling?: VitPooling;
  /** A trained table (default), or fixed sines and cosines of row and column. */
  readonly positions?: "learned" | "sincos";
  /** Share of the patches left out of every training step, 0 by default; see `VisionOptions.keptPatches`. */
  readonly patchDropout?: number;
}

/** CLIP's modified ResNet: three convolutions to start, blurred strides, attention to end. */
export interface ResNetConfig extends ImageConfig {
  readonly kind: "resnet";
  /** Blocks of each of the four stages, such as [3, 4, 6, 3]. */
  readonly layers: readonly [number, number, number, number];
  /** Channels of the first stage's bottleneck, such as 64; the last stage has 32 times as many. */
  readonly width: number;
  /** Heads of the attention pool; divides 32 · `width`. */
  readonly heads: number;
  /** Length of the pooled feature: the attention pool projects into the joint space by itself. */
  readonly outputDim: number;
}

/** A vision tower that somebody defined elsewhere, with `defineVisionTower`; its `config` makes these. */
export interface OwnVisionConfig extends ImageConfig {
  readonly kind: "own";
  /** What computes it. A file has its name in this place. */
  readonly tower: OwnVisionTower;
  /** What the tower asks for beside the size of images: plain data. */
  readonly settings: object;
}

/** A vision tower that is built in: these have published weights, which other libraries know. */
export type BuiltInVisionConfig = VitConfig | ResNetConfig;

/** A vision tower, told apart by `kind`. */
export type VisionConfig = BuiltInVisionConfig | OwnVisionConfig;
