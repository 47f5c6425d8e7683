import { add, mul, sign, sub, type Tensor } from "@tensorflow/tfjs-core";
import { scalarNamed, times } from "./scalar-value.ts";
import { decayed, type UpdateRule } from "./update-rule.ts";

/** Settings of Lion; it wants a learning rate 3 to 10 times smaller than AdamW, and as much more decay. */
export interface LionConfig {
  readonly kind: "lion";
  /** Weight of the running gradient in the direction. Default 0.9. */
  readonly beta1?: number;
  /** How slowly the running gradient changes. Default 0.99. */
  readonly beta2?: number;
  /** Decoupled decay. Default 0. */
  readonly weightDecay?: number;
}

/** Lion (Chen et al. 2023, algorithm 2): steps of one size, along the sign of the blended gradient. */
export function lion(config: LionConfig): UpdateRule {
  const { beta1 = 0.9, beta2 = 0.99 } = config;
  return {
    slots: ["first"],
    scalars: (_, learningRate) => ({ learningRate }),
    apply({ param, grad, slots: [first], scalars, weightDecay, multiplier }) {
      const rate = times(scalarNamed(scalars, "learningRate"), multiplier);
      const blended = add(mul(first as Tensor, beta1), mul(grad, 1 - beta1));
      const moved = sub(decayed(param, rate, weightDecay), mul(sign(blended), rate));
      return [moved, add(mul(first as Tensor, beta2), mul(grad, 1 - beta2))];
    },
  };
}
