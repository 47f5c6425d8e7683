import { valueAndGradient, type FlatTree } from "@clip-ts/core";
import { addN, mul, sum, type Tensor } from "@tensorflow/tfjs-core";
import type { LeafGradient, LeafObjective, Tensors } from "./leaf-objective.ts";

/**
 * The gradient of an objective as pure functions of a micro-batch or of all their rows: whoever steps
 * runs them in a loop over micro-batches, operation by operation or compiled. The caller owns results.
 */
export interface GradientParts {
  /** Paths of the leaves that learn, in their order. */
  readonly trained: readonly string[];
  /** Paths of leaves that only `compare` uses; `pullBack` gives the gradients of the others. */
  readonly compared: readonly string[];
  /** Rows of one micro-batch, and what leaves that do not learn become after it. */
  encode(
    leaves: FlatTree<Tensor>,
    batch: Tensors,
  ): { readonly features: Tensors; readonly statistics: FlatTree<Tensor> };
  /** The loss of the rows of all micro-batches, its gradient by them, and by the compared leaves. */
  compare(
    leaves: FlatTree<Tensor>,
    features: Tensors,
    shared: Tensors,
  ): Omit<LeafGradient, "statistics"> & { readonly cotangents: Tensors };
  /** One micro-batch's share of the other gradients: those of Σ rows · cotangents. */
  pullBack(
    leaves: FlatTree<Tensor>,
    batch: Tensors,
    cotangents: Tensors,
  ): Readonly<Record<string, Tensor>>;
}

function pick(leaves: FlatTree<Tensor>, paths: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(paths.map((path) => [path, leaves[path] as Tensor]));
}

/** The parts of an objective's gradient by the leaves named in `trained`. */
export function gradientParts(objective: LeafObjective, trained: readonly string[]): GradientParts {
  const isCompared = new Set(objective.compared);
  const compares = trained.filter((path) => isCompared.has(path));
  const encodes = trained.filter((path) => !isCompared.has(path));
  return {
    trained,
    compared: compares,
    encode(leaves, batch) {
      const { rows: features, statistics } = objective.encode(leaves, batch);
      return { features, statistics };
    },
    compare(leaves, features, shared) {
      const { value, gradient, aux } = valueAndGradient(
        (tree: { features: Tensors; own: Record<string, Tensor> }) => {
          const all = { ...leaves, ...tree.own };
          const { loss, metrics } = objective.compare(all, tree.features, shared);
          return { loss, aux: metrics };
        },
        { features, own: pick(leaves, compares) },
      );
      const { features: cotangents, own: grads } = gradient;
      return { loss: value, metrics: aux ?? {}, cotangents, grads };
    },
    pullBack(leaves, batch, cotangents) {
      const { value, gradient } = valueAndGradient(
        (tree: Record<string, Tensor>) => {
          const { rows } = objective.encode({ ...leaves, ...tree }, batch);
          const pulls = Object.entries(rows).map(([name, own]) =>
            sum(mul(own, cotangents[name] as Tensor)),
          );
          return { loss: addN(pulls) };
        },
        pick(leaves, encodes),
      );
      value.dispose();
      return gradient;
    },
  };
}

/** The gradient of a whole batch by the leaves named in `trained`, both halves under one tape. */
export function wholeGradient(
  objective: LeafObjective,
  trained: readonly string[],
): (leaves: FlatTree<Tensor>, batch: Tensors, shared: Tensors) => LeafGradient {
  return (leaves, batch, shared) => {
    const { value, gradient, aux } = valueAndGradient(
      (tree: Record<string, Tensor>) => {
        const all = { ...leaves, ...tree };
        const { rows, statistics } = objective.encode(all, batch);
        const { loss, metrics } = objective.compare(all, rows, shared);
        return { loss, aux: { metrics, statistics } };
      },
      pick(leaves, trained),
    );
    return { loss: value, grads: gradient, ...(aux ?? { metrics: {}, statistics: {} }) };
  };
}
