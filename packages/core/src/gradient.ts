import { ClipError } from "@clip-ts/base";
import { dispose, engine, keep, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { namingMissingGradients } from "./missing-gradient.ts";
import { flattenTree, mapTree, unflattenLike, type TreeOf } from "./tree.ts";

/** A loss, its gradient with respect to every leaf, and what else the objective handed back. */
export interface ValueAndGradient<Tree, Aux> {
  readonly value: Scalar;
  readonly gradient: TreeOf<Tree, Tensor, Tensor>;
  readonly aux: Aux;
}

function unreached(path: string): ClipError {
  return new ClipError(
    "bad-argument",
    `The loss does not depend on "${path}", so it has no gradient. Split leaves that are not trained off first.`,
    { data: { path } },
  );
}

/**
 * Runs `objective` at `params` and differentiates its loss with respect to every leaf.
 * The caller owns the value, the gradient and the tensors of `aux`.
 * @throws ClipError "bad-argument" naming a leaf that the loss does not reach, "unsupported" naming an
 * operation that has no gradient.
 */
export function valueAndGradient<Tree extends object, Aux extends object>(
  objective: (params: Tree) => { readonly loss: Tensor; readonly aux?: Aux },
  params: Tree,
): ValueAndGradient<Tree, Aux | undefined> {
  const flat = flattenTree<Tensor>(params);
  const leaves = Object.values(flat);
  if (leaves.length === 0) {
    throw new ClipError(
      "bad-argument",
      "The parameter tree is empty: there is nothing to differentiate.",
    );
  }
  let aux: Aux | undefined;
  const forward = (): Scalar => {
    const outcome = objective(params);
    if (outcome.loss.size !== 1) {
      throw new ClipError(
        "bad-argument",
        `The loss should be one number, got [${outcome.loss.shape.join(", ")}]: take its mean or sum.`,
      );
    }
    aux = outcome.aux;
    if (aux !== undefined) mapTree(aux, (leaf: Tensor) => keep(leaf)); // outlives the tape's scopes
    return outcome.loss as Scalar;
  };
  const differentiate = (): { value: Scalar; flatGradient: Record<string, Tensor> } => {
    const { value, grads } = namingMissingGradients(() =>
      engine().gradients(forward, leaves, undefined, true),
    );
    const byPath = Object.keys(flat).map((path, index): [string, Tensor] => {
      const gradient = grads[index];
      if (gradient == null) throw unreached(path);
      return [path, gradient];
    });
    return { value, flatGradient: Object.fromEntries(byPath) };
  };
  try {
    const { value, flatGradient } = tidy(differentiate);
    return { value, gradient: unflattenLike<Tree, Tensor, Tensor>(params, flatGradient), aux };
  } catch (error) {
    if (aux !== undefined) dispose(Object.values(flattenTree<Tensor>(aux)));
    throw error;
  }
}
