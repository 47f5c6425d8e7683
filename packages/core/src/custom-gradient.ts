import { clone, customGrad, keep, type GradSaveFunc, type Tensor } from "@tensorflow/tfjs-core";

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

/** Tensors by name that come out beside a value and have no gradient. */
export type Aside = Readonly<Record<string, Tensor>>;

/** A value and what came out beside it. */
export interface ValueAndAside {
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

const mapAside = (aside: Aside, map: (tensor: Tensor) => Tensor): Aside =>
  Object.fromEntries(Object.entries(aside).map(([name, tensor]) => [name, map(tensor)]));

/** Lets a tensor that was kept go the way of the caller's other tensors. */
function release(kept: Tensor): Tensor {
  const released = clone(kept);
  kept.dispose();
  return released;
}

/** `withGradient` for a function that computes more than the value whose gradient is known. */
export function withGradientAside(
  options: Omit<CustomGradient, "forward"> & { readonly forward: (save: Save) => ValueAndAside },
): ValueAndAside {
  let kept: Aside = {};
  const value = withGradient({
    ...options,
    forward(save) {
      const outcome = options.forward(save);
      kept = mapAside(outcome.aside, (tensor) => keep(clone(tensor))); // outlives tfjs's own scope
      return outcome.value;
    },
  });
  return { value, aside: mapAside(kept, release) };
}
