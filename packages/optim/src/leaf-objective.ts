import type { FlatTree } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** Tensors by name: those of a batch, or rows whose first axis counts the pairs of one. */
export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * A loss as a function of parameters by path, in two halves: what is done for each example alone, and
 * what compares the rows of all of them. Both are pure.
 */
export interface LeafObjective {
  /** Paths of leaves that only `compare` uses, such as the logit scale; `encode` uses the others. */
  readonly compared: readonly string[];
  /** Must give the same rows each time, and the same for each example whatever the batch. */
  encode(
    leaves: FlatTree<Tensor>,
    batch: Tensors,
  ): { readonly rows: Tensors; readonly statistics: FlatTree<Tensor> };
  /** `shared` holds what belongs to all examples. */
  compare(
    leaves: FlatTree<Tensor>,
    rows: Tensors,
    shared: Tensors,
  ): { readonly loss: Tensor; readonly metrics: FlatTree<Tensor> };
}

/** A loss with its gradient by every leaf that learns. The caller owns all tensors. */
export type LeafGradient = {
  readonly loss: Tensor;
  readonly metrics: FlatTree<Tensor>;
  /** In the order of the leaves that learn. */
  readonly grads: Record<string, Tensor>;
  /** What leaves that do not learn become. */
  readonly statistics: FlatTree<Tensor>;
};
