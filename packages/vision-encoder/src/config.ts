import type { ImageSize, RandomStream } from "@clip-ts/base";
import type { Activation, ParamSpec, ParamTree } from "@clip-ts/core";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NaflexParams } from "./naflex/naflex.ts";
import type { OwnVisionTower } from "./own-tower.ts";
import type { PixelForm } from "./pixel-form.ts";
import type { ResNetParams } from "./resnet/resnet.ts";
import type { EfficientNetParams } from "./efficientnet/spec.ts";
import type { SwinParams } from "./swin/spec.ts";
import type { VitParams } from "./vit/spec.ts";

/** What every vision tower is given. */
export interface ImageConfig {
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  /** 3 for RGB. */
  readonly channels: number;
}

/** How the tokens of a vision transformer become one feature. */
export type VitPooling = "class" | "pooler" | "mean" | "attention" | "queries";

/** open_clip's attentional pool. */
export interface QueryPoolConfig {
  /**
   * What stands for the image: the first query's view, the mean of the others', or the view of a second pool of one
   * query, which looks at the tokens ("parallel") or at the first pool's views ("cascade").
   */
  readonly kind: "first" | "mean" | "parallel" | "cascade";
  /** Length of what a query sees, and so of the pooled feature. */
  readonly width: number;
  /** How many queries there are. */
  readonly queries: number;
  /** Attention heads; divides this `width`. */
  readonly heads: number;
}

/** A vision transformer. What is left out is as in CLIP. */
export interface VitConfig extends TransformerConfig {
  readonly kind?: "vit";
  /** Sides of the input in pixels. */
  readonly imageSize: ImageSize;
  /** 3 for RGB. */
  readonly channels: number;
  /** Sides of a patch in pixels. What of `imageSize` fills no patch is left out at the bottom and right. */
  readonly patchSize: ImageSize;
  /** Whether a learned token stands before the patches; true by default. */
  readonly classToken?: boolean;
  /** Whether the tokens are normalised before the first block; true by default. */
  readonly preNorm?: boolean;
  /** Whether the patch embedding has a bias; false by default. */
  readonly patchBias?: boolean;
  /**
   * The class token (default); the class token through a dense layer and tanh, as in Hugging Face's ViT;
   * the mean of the patches; SigLIP's head: a learned query's attention; or open_clip's pool of queries.
   */
  readonly pooling?: VitPooling;
  /** Whether the mean is normalised, and not every patch before it; false by default. */
  readonly normAfterPool?: boolean;
  /** Only where "queries" pools. */
  readonly queryPool?: QueryPoolConfig;
  /** A trained table (default), or fixed sines and cosines of row and column. */
  readonly positions?: "learned" | "sincos";
  /** Share of the patches left out of every training step, 0 by default; see `VisionOptions.keptPatches`. */
  readonly patchDropout?: number;
  /** Whether a second learned token, of DeiT's distillation, stands behind the class token; false by default. */
  readonly distillationToken?: boolean;
  /** Learned tokens behind the class token that have no positions (Darcet et al. 2023); 0 by default. */
  readonly registerTokens?: number;
  /**
   * Side of the table of positions, in patches, where every pass interpolates it for the image's own grid, as
   * DINOv2 does; by default the table is that of the image.
   */
  readonly positionGrid?: number;
  /** Whether the MLPs are gated (SwiGLU with "silu"); `mlpWidth` then is half of what enters them. False by default. */
  readonly gated?: boolean;
  /** Deviation that all maps and tokens start with; by default OpenAI's, which depend on the width. */
  readonly initialDeviation?: number;
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

/** SigLIP 2's vision transformer of pictures that keep their shape: rows of patches, each with its place (NaFlex). */
export interface NaflexConfig extends TransformerConfig, ImageConfig {
  readonly kind: "naflex";
  /** Side of a patch in pixels; divides `imageSize`, the side of the square picture that has the places of its table. */
  readonly patchSize: number;
}

/** A Swin transformer: attention within windows of places, whose map every stage but the first halves. */
export interface SwinConfig extends ImageConfig {
  readonly kind: "swin";
  /** Side of a patch in pixels. Zeros fill the last ones where they do not divide the image. */
  readonly patchSize: number;
  /** Length of a place's vector in the first stage; each further one doubles it. */
  readonly width: number;
  /** Blocks of each stage, such as [2, 2, 6, 2]. */
  readonly layers: readonly number[];
  /** Attention heads of each stage. */
  readonly stageHeads: readonly number[];
  /** Places along a side of a window. */
  readonly window: number;
  /** Length of an MLP's hidden layer by that of a place's vector. */
  readonly mlpRatio: number;
  readonly activation: Activation;
  /** Added to the variance inside the norms of the blocks and the last one; 1e-5 in all others. */
  readonly layerNormEps: number;
  /** Deviation that all maps start with; 0.02 by default. */
  readonly initialDeviation?: number;
}

/** A stage of an EfficientNet, in channels before they are scaled. */
export interface EfficientNetStage {
  /** Side of the filters. */
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
  /** By how much the first block's filter moves. */
  readonly stride: number;
  /** Blocks before they are scaled. */
  readonly repeats: number;
  /** How much wider a block is inside. */
  readonly expand: number;
}

/** An EfficientNet: convolutions of every channel by itself, between others that see one place at a time. */
export interface EfficientNetConfig extends ImageConfig {
  readonly kind: "efficientnet";
  readonly stages: readonly EfficientNetStage[];
  /** Factor on all channels, which `divisor` then divides. */
  readonly widthCoefficient: number;
  /** Factor on every stage's repeats, rounded up. */
  readonly depthCoefficient: number;
  readonly divisor: number;
  /** Channels of a block's squeeze by those that enter it. */
  readonly squeezeRatio: number;
  /** Numbers of the blocks of stride 2 whose pictures have as many zeros before as after them. */
  readonly squarePadding: readonly number[];
  readonly activation: Activation;
  /** Added to the variance inside every batch norm. */
  readonly normEps: number;
  /** Share of a batch in the running statistics after it. */
  readonly normMomentum: number;
  /** Deviation that all maps start with; 0.02 by default. */
  readonly initialDeviation?: number;
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
export type BuiltInVisionConfig = VitConfig | ResNetConfig | SwinConfig | EfficientNetConfig | NaflexConfig;

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
export type VisionParams<Leaf = Tensor> =
  | VitParams<Leaf>
  | ResNetParams<Leaf>
  | SwinParams<Leaf>
  | EfficientNetParams<Leaf>
  | NaflexParams<Leaf>
  | ParamTree<Leaf>;

/** What one training step draws for a tower, on the host, by the names of `VisionOptions`. */
export type VisionDraws = Partial<
  Record<"keptPatches", { readonly data: Int32Array; readonly shape: readonly number[] }>
>;

/** Where a tower has the positions of the places that it sees. */
export interface VisionPositions {
  /** Path of their table in the tower; where they are computed, of the one that open_clip keeps. */
  readonly path: string;
  /** Rows of the table before those of the places: the class token's, or the mean's in a ResNet. */
  readonly leading: number;
  /** Side of the table in places, where it is not the image's. */
  readonly grid?: number;
  /** [leading + places, dim], row by row, where the positions are computed and not learned. */
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
   * Places along the sides of an image, a number where it has as many of both; 0 for a tower that has no positions
   * of them. @throws ClipError "bad-config" for a size it cannot see.
   */
  grid(config: Config): ImageSize;
  /** Interpolated for images of another size; undefined for a tower that has none. */
  positions(config: Config): VisionPositions | undefined;
  /** How images lie in what it reads; by default their planes, [channels, height, width]. */
  pixels?(config: Config): PixelForm;
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
