import type { Tensor } from "@tensorflow/tfjs-core";

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
