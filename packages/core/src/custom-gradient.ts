import { clone, customGrad, keep, type GradSaveFunc, type Tensor } from "@tensorflow/tfjs-core";
import { mapTree } from "./tree.ts";

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

/** A value and tensors that came out beside it, which have no gradient. */
export interface ValueAndAside<Aside extends object> {
  readonly value: Tensor;
  readonly aside: Aside;
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
export function withGradientAside<Aside extends object>(
  options: Omit<CustomGradient, "forward"> & {
    readonly forward: (save: Save) => ValueAndAside<Aside>;
  },
): ValueAndAside<Aside> {
  let kept = {};
  const value = withGradient({
    ...options,
    forward(save) {
      const outcome = options.forward(save);
      kept = mapTree(outcome.aside, (tensor: Tensor) => keep(clone(tensor))); // outlives tfjs's scope
      return outcome.value;
    },
  });
  return { value, aside: mapTree(kept, release) as Aside };
}
