import { ClipError } from "@clip-ts/base";
import {
  clone,
  customGrad,
  dispose,
  engine,
  getGradient,
  keep,
  tidy,
  type GradSaveFunc,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { flattenTree, mapTree, unflattenLike, type TreeOf } from "./tree.ts";

/** Keeps tensors for the backward pass. */
type Save = (...tensors: Tensor[]) => void;

/** A function with its own derivative: one node on the tape instead of one per operation. */
export interface CustomGradient {
  /** Differentiable inputs, in the order `backward` returns their gradients. */
  readonly inputs: readonly Tensor[];
  /** Computes the value; tensors given to `save` are what `backward` will need. */
  readonly forward: (save: Save) => Tensor;
  /** Gradients of the inputs from the gradient of the value and the saved tensors. */
  readonly backward: (dy: Tensor, saved: readonly Tensor[]) => Tensor[];
}

/** A value and auxiliary outputs, tensors that came out beside it and have no gradient. */
export interface ValueAndAux<Aux extends object> {
  readonly value: Tensor;
  readonly aux: Aux;
}

/** Runs `forward` and records `backward` as its gradient. */
export function withGradient({ inputs, forward, backward }: CustomGradient): Tensor {
  const run = customGrad((...parameters: (Tensor | GradSaveFunc)[]) => {
    const save = parameters.at(-1) as GradSaveFunc;
    const value = forward((...tensors) => save(tensors));
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => backward(dy, saved) };
  });
  return run(...inputs);
}

/** Lets a tensor that was kept go the way of the caller's other tensors. */
function release(kept: Tensor): Tensor {
  const released = clone(kept);
  kept.dispose();
  return released;
}

/** `withGradient` for a function that computes more than the value whose gradient is known. */
export function withGradientAux<Aux extends object>(
  options: Omit<CustomGradient, "forward"> & {
    readonly forward: (save: Save) => ValueAndAux<Aux>;
  },
): ValueAndAux<Aux> {
  let kept = {};
  const value = withGradient({
    ...options,
    forward(save) {
      const outcome = options.forward(save);
      kept = mapTree(outcome.aux, (tensor: Tensor) => keep(clone(tensor))); // outlives tfjs's scope
      return outcome.value;
    },
  });
  return { value, aux: mapTree(kept, release) as Aux };
}

/** What tfjs says where the tape meets an operation without a gradient. */
const complaint = /gradient function not found for (\w+)/u;

function remedy(operation: string): string {
  if (getGradient("Add") == null) {
    return (
      "No gradients are registered: tfjs-core has none in Node. " +
      'Write `import "@clip-ts/core/gradients";` once, before training.'
    );
  }
  return (
    `The operation ${operation} has no gradient. Compute the loss with other operations, give that part a ` +
    "derivative of its own with withGradient, or import @tensorflow/tfjs, which has gradients for a few more."
  );
}

/**
 * Differentiates, and says what to do where an operation has no gradient.
 * @throws ClipError "unsupported" naming the operation.
 */
export function namingMissingGradients<Result>(differentiate: () => Result): Result {
  try {
    return differentiate();
  } catch (error) {
    const operation = error instanceof Error ? complaint.exec(error.message)?.[1] : undefined;
    if (operation === undefined) throw error;
    throw new ClipError("unsupported", remedy(operation), { data: { operation }, cause: error });
  }
}

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
    throw new ClipError("bad-argument", "The parameter tree is empty: there is nothing to differentiate.");
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
    const { value, grads } = namingMissingGradients(() => engine().gradients(forward, leaves, undefined, true));
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
