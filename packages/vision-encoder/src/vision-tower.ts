import type { RandomStream } from "@clip-ts/base";
import type { Activation, ParamSpec, ParamTree } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionConfig, VisionConfig } from "./config.ts";
import type { EncodedImage, VisionOptions } from "./encoded-image.ts";
import type { ResNetParams } from "./resnet/spec.ts";
import type { VitParams } from "./vit/spec.ts";

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
export interface VisionTower<
  Config extends VisionConfig = VisionConfig,
  Params extends VisionParams = VisionParams,
> {
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
  positions(config: Config): VisionPositions;
  /** Length of the vectors that the attention's heads share. */
  attentionWidth(config: Config): number;
  /** The activation, where the config has one; undefined where every tower of the kind has the same. */
  activation(config: Config): Activation | undefined;
}
