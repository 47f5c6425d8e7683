import { customGrad, type GradSaveFunc, type Tensor } from "@tensorflow/tfjs-core";

/** A function with its own derivative: one node on the tape instead of one per operation. */
export interface CustomGradient {
  /** Differentiable inputs, in the order `backward` returns their gradients. */
  readonly inputs: readonly Tensor[];
  /** Computes the value; tensors given to `save` are what `backward` will need. */
  readonly forward: (save: (...tensors: Tensor[]) => void) => Tensor;
  /** Gradients of the inputs from the gradient of the value and the saved tensors. */
  readonly backward: (dy: Tensor, saved: readonly Tensor[]) => Tensor[];
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
