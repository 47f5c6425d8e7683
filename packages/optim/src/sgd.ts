import { add, mul, sub, type Tensor } from "@tensorflow/tfjs-core";
import { scalarNamed, times } from "./scalar-value.ts";
import type { UpdateRule } from "./update-rule.ts";

/** Settings of stochastic gradient descent. */
export interface SgdConfig {
  readonly kind: "sgd";
  /** How slowly the running gradient changes. Default 0.9. */
  readonly momentum?: number;
  /** Looks one step ahead along the running gradient. Default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient as weightDecay · param. Default 0. */
  readonly weightDecay?: number;
}

/** Gradient descent with momentum (Sutskever et al. 2013) in PyTorch's form, without dampening. */
export function sgd(config: SgdConfig): UpdateRule {
  const { momentum = 0.9, nesterov = false } = config;
  return {
    slots: ["first"],
    scalars: (_, learningRate) => ({ learningRate }),
    apply({ param, grad, slots: [first], scalars, weightDecay, multiplier }) {
      const rate = times(scalarNamed(scalars, "learningRate"), multiplier);
      const slope = weightDecay === 0 ? grad : add(grad, mul(param, weightDecay));
      const velocity = add(mul(first as Tensor, momentum), slope);
      const direction = nesterov ? add(slope, mul(velocity, momentum)) : velocity;
      return [sub(param, mul(direction, rate)), velocity];
    },
  };
}
