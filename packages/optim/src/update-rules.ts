import { add, div, mul, sign, sqrt, sub, type Tensor } from "@tensorflow/tfjs-core";
import { oneMinus, scalarNamed, times, type Scalars, type ScalarValue } from "./schedule.ts";

/** One parameter at one step. */
export interface LeafUpdate {
  readonly param: Tensor;
  readonly grad: Tensor;
  /** What the rule remembers of this parameter, in the order of `UpdateRule.slots`. */
  readonly slots: readonly Tensor[];
  readonly scalars: Scalars;
  /** 0 where decay is off. */
  readonly weightDecay: number;
  /** Factor on the learning rate. */
  readonly multiplier: number;
  /** Whether `param` is moved as one matrix by Muon, rather than element by element. False by default. */
  readonly isMatrix?: boolean;
  /** The least it may become by the step; no bound by default. */
  readonly min?: number;
  /** The most it may become. */
  readonly max?: number;
}

/** How one parameter moves; knows neither trees nor ownership. */
export interface UpdateRule {
  /** Names of the tensors remembered per parameter. */
  readonly slots: readonly string[];
  /**
   * Shapes of those tensors, in the order of `slots`, where they are not all the parameter's. Every leaf is then moved
   * by itself.
   */
  slotShapes?(shape: readonly number[]): readonly (readonly number[])[];
  /** The host's part of step `step`, counted from 0. */
  scalars(step: number, learningRate: number): Record<string, number>;
  /** The new parameter, then its new slots. Called in a tidy. */
  apply(leaf: LeafUpdate): Tensor[];
}

/** `param` after decoupled weight decay (Loshchilov and Hutter 2019): param · (1 - rate · decay). */
export function decayed(param: Tensor, rate: ScalarValue, weightDecay: number): Tensor {
  return weightDecay === 0 ? param : mul(param, oneMinus(times(rate, weightDecay)));
}

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
