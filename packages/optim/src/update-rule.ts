import { mul, type Tensor } from "@tensorflow/tfjs-core";
import { oneMinus, times, type Scalars, type ScalarValue } from "./scalar-value.ts";

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
  /** Whether `param` is moved as one matrix, rather than element by element. False by default. */
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
  /** The host's part of step `step`, counted from 0. */
  scalars(step: number, learningRate: number): Record<string, number>;
  /** The new parameter, then its new slots. Called in a tidy. */
  apply(leaf: LeafUpdate): Tensor[];
}

/** `param` after decoupled weight decay (Loshchilov and Hutter 2019): param · (1 - rate · decay). */
export function decayed(param: Tensor, rate: ScalarValue, weightDecay: number): Tensor {
  return weightDecay === 0 ? param : mul(param, oneMinus(times(rate, weightDecay)));
}
