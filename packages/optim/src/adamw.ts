import { add, div, mul, sqrt, sub, type Tensor } from "@tensorflow/tfjs-core";
import { scalarNamed, times } from "./scalar-value.ts";
import { decayed, type UpdateRule } from "./update-rule.ts";

/** Settings of AdamW; the defaults are those CLIP's vision transformers were trained with. */
export interface AdamwConfig {
  readonly kind: "adamw";
  /** How slowly the mean gradient changes. Default 0.9. */
  readonly beta1?: number;
  /** How slowly the mean squared gradient changes. Default 0.98. */
  readonly beta2?: number;
  /** Added to the root of the mean square. Default 1e-6. */
  readonly eps?: number;
  /** Decoupled decay. Default 0.2. */
  readonly weightDecay?: number;
}

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2), rounding as PyTorch does: the second moment is
 * corrected after its root, eps is added last.
 */
export function adamw(config: AdamwConfig): UpdateRule {
  const { beta1 = 0.9, beta2 = 0.98, eps = 1e-6 } = config;
  return {
    slots: ["first", "second"],
    scalars: (step, learningRate) => ({
      learningRate,
      stepSize: learningRate / (1 - beta1 ** (step + 1)),
      secondRoot: Math.sqrt(1 - beta2 ** (step + 1)),
    }),
    apply({ param, grad, slots: [first, second], scalars, weightDecay, multiplier }) {
      const rate = times(scalarNamed(scalars, "learningRate"), multiplier);
      const stepSize = times(scalarNamed(scalars, "stepSize"), multiplier);
      const mean = add(mul(first as Tensor, beta1), mul(grad, 1 - beta1));
      const meanSquare = add(mul(second as Tensor, beta2), mul(mul(grad, grad), 1 - beta2));
      const root = div(sqrt(meanSquare), scalarNamed(scalars, "secondRoot"));
      const direction = div(mean, add(root, eps));
      const moved = sub(decayed(param, rate, weightDecay), mul(direction, stepSize));
      return [moved, mean, meanSquare];
    },
  };
}
