import type { Tensor } from "@tensorflow/tfjs-core";

/** What the towers read of matching pairs: row i of the ids is a caption of image i. */
export interface PairInputs {
  /** [batch, channels, imageSize, imageSize], normalised. */
  readonly pixelValues: Tensor;
  /** [batch, tokens] int32. */
  readonly inputIds: Tensor;
  /** [batch, tokens] int32, 1 where a token may be seen; by default wherever it is no padding. */
  readonly attentionMask?: Tensor | undefined;
  /** [batch, kept] int32: the patches that a training step with patch dropout looks at. */
  readonly keptPatches?: Tensor | undefined;
  /** What a training step with dropout keeps of RoBERTa's activations; see `TextOptions`. */
  readonly keptHidden?: Tensor | undefined;
  /** What it keeps of RoBERTa's attention weights; see `TextOptions`. */
  readonly keptAttention?: Tensor | undefined;
}

/** What comparisons read of a whole batch, each what its loss asks for. */
export interface SharedInputs {
  /**
   * [batch] int32: pairs with the same number show or say the same thing. Only the multi-positive loss
   * asks for it; `pairGroups` of `@clip-ts/loss` finds it.
   */
  readonly groups?: Tensor | undefined;
  /** [batch, joint], unit rows: a teacher's features of the images. */
  readonly teacherImages?: Tensor | undefined;
  /** [batch, joint], unit rows: a teacher's features of the captions. */
  readonly teacherTexts?: Tensor | undefined;
  /** The teacher's factor on cosines. */
  readonly teacherScale?: Tensor | undefined;
}

/** A batch of matching pairs. */
export interface PairBatch extends PairInputs, SharedInputs {}

/** How a pass through the towers is run. */
export interface ForwardOptions {
  /** Batch norms use the batch's own statistics; false by default. */
  readonly training?: boolean;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean;
}
