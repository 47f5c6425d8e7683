import type { RandomStream } from "@clip-ts/base";
import type { Activation, ParamSpec, ParamTree } from "@clip-ts/core";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { OwnVisionTower } from "./own-tower.ts";
import type { ResNetParams } from "./resnet/resnet.ts";
import type { VitParams } from "./vit/spec.ts";

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

/** What may differ from one call of a tower to the next. */
export interface VisionOptions {
  /** Batch norms use the batch's own statistics and return the running ones; false by default. */
  readonly training?: boolean;
  /** [batch, kept] int32: the patches that a step with patch dropout keeps; all of them by default. */
  readonly keptPatches?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean;
  /** Whether `lastHidden` need hold no more than the tokens that are pooled; false by default. */
  readonly onlyPooled?: boolean | undefined;
}

/** What a tower sees in images. */
export interface EncodedImage {
  /** [batch, featureWidth]: one feature for each image. */
  readonly pooled: Tensor;
  /**
   * [batch, tokens, dim]: what is pooled. A transformer's tokens before the last norm, the class token
   * first; a ResNet's last feature map, row by row. With `onlyPooled`, [batch, 1, dim] if that is all.
   */
  readonly lastHidden: Tensor;
  /**
   * A training ResNet's running statistics after this batch, by path in the tower; empty otherwise.
   * They have no gradient.
   */
  readonly statistics: Readonly<Record<string, Tensor>>;
}

/**
 * A tower's parameters: of built-in kinds under their published names (Hugging Face's for transformers,
 * open_clip's for ResNets), of others any tree.
 */
export type VisionParams<Leaf = Tensor> = VitParams<Leaf> | ResNetParams<Leaf> | ParamTree<Leaf>;

/** What one training step draws for a tower, on the host, by the names of `VisionOptions`. */
export type VisionDraws = Partial<
  Record<"keptPatches", { readonly data: Int32Array; readonly shape: readonly number[] }>
>;

/** Where a tower has the positions of the places that it sees. */
export interface VisionPositions {
  /** Path of their table in the tower; where they are computed, of the one that open_clip keeps. */
  readonly path: string;
  /** Rows of the table before those of the places: the class token's, or the mean's in a ResNet. */
  readonly leading: 0 | 1;
  /** [leading + grid², dim], row by row, where the positions are computed and not learned. */
  readonly computed?: () => { readonly values: Float32Array; readonly shape: [number, number] };
}

/** A kind of vision tower: all that a model and its training have to know of it. */
export interface VisionTower<Config extends VisionConfig = VisionConfig, Params extends VisionParams = VisionParams> {
  /** The kind in words: "it has …". */
  readonly title: string;
  /** Shapes and starting values; takes no memory. @throws ClipError "bad-config" if they do not fit. */
  spec(config: Config): VisionParams<ParamSpec>;
  /** As `encodeImage`; the pixels have been checked. */
  encode(params: Params, pixels: Tensor, config: Config, options: VisionOptions): EncodedImage;
  /** Length of the `pooled` feature. */
  width(config: Config): number;
  /** Whether the feature is one of the joint space, so that no head has to follow. */
  readonly endsInJointSpace: boolean;
  /** The `depth` of the last block or stage; a head stands one deeper. */
  depth(config: Config): number;
  /**
   * Places along a side of an image; 0 for a tower that has no positions of them.
   * @throws ClipError "bad-config" for a size it cannot see.
   */
  grid(config: Config): number;
  /** Interpolated for images of another size; undefined for a tower that has none. */
  positions(config: Config): VisionPositions | undefined;
  /** Kind and sizes in words, for people. */
  describe(config: Config): string;
  /** What a training step draws for a batch of images; nothing for configs that leave nothing to chance. */
  draws(config: Config, batch: number, random: RandomStream): VisionDraws;
}

/** A kind that is built in: what the checkpoints of other libraries ask about it, too. */
export interface BuiltInVisionTower<
  Config extends BuiltInVisionConfig = BuiltInVisionConfig,
  Params extends VisionParams = VisionParams,
> extends VisionTower<Config, Params> {
  /** Length of the vectors that the attention's heads share. */
  attentionWidth(config: Config): number;
  /** The activation, where the config has one; undefined where every tower of the kind has the same. */
  activation(config: Config): Activation | undefined;
}
