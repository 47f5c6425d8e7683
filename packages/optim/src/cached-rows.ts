import { valueAndGradient, type FlatTree } from "@clip-ts/core";
import { addN, mul, sum, type Scalar, type Tensor } from "@tensorflow/tfjs-core";

/** Tensors by name whose first axis counts the rows of a batch. */
export type FeatureRows = Readonly<Record<string, Tensor>>;

/** What one micro-batch gives: feature rows, and what is no feature, such as running statistics. */
export interface EncodedRows {
  readonly features: FeatureRows;
  readonly aside?: FlatTree<Tensor>;
}

/** The loss of cached rows with its gradients. The caller owns all tensors. */
export interface ComparedRows<Aux> {
  readonly value: Scalar;
  /** The gradient by the rows. */
  readonly cotangents: FeatureRows;
  /** The gradient by the leaves. */
  readonly gradient: Record<string, Tensor>;
  readonly aux: Aux | undefined;
}

/** Differentiates a loss by the rows it compares, taken as given, and by the leaves it uses itself. */
export function differentiateRows<Aux extends object>(
  compare: (
    leaves: FlatTree<Tensor>,
    features: FeatureRows,
  ) => { readonly loss: Tensor; readonly aux?: Aux },
  leaves: FlatTree<Tensor>,
  features: FeatureRows,
): ComparedRows<Aux> {
  const { value, gradient, aux } = valueAndGradient(
    (tree: { features: FeatureRows; leaves: Record<string, Tensor> }) =>
      compare(tree.leaves, tree.features),
    { features, leaves: { ...leaves } },
  );
  const { features: cotangents, leaves: own } = gradient;
  return { value, cotangents, gradient: own, aux };
}

/**
 * What rows pull on the leaves they are encoded with: the gradient of Σ features · cotangents. The
 * caller owns it.
 */
export function pullBackRows(
  encode: (leaves: FlatTree<Tensor>) => EncodedRows,
  leaves: FlatTree<Tensor>,
  cotangents: FeatureRows,
): Record<string, Tensor> {
  const { value, gradient } = valueAndGradient((tree: Record<string, Tensor>) => {
    const { features } = encode(tree);
    const pulls = Object.entries(features).map(([name, rows]) =>
      sum(mul(rows, cotangents[name] as Tensor)),
    );
    return { loss: addN(pulls) };
  }, leaves);
  value.dispose();
  return gradient;
}
