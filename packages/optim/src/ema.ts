import { add, clone, mul, sub, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import { oneMinus, type ScalarValue } from "./scalar-value.ts";

/** The average starts as the parameters themselves. The caller owns the copies. */
export function emaInit(params: FlatTree<Tensor>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(params).map(([path, leaf]) => [path, clone(leaf)]));
}

/**
 * `decay` held back while the average is young: min(decay, (1 + step) / (10 + step)), steps counted
 * from 0 (the rule of TensorFlow's ExponentialMovingAverage).
 */
export function emaDecay(decay: number, step: number): number {
  return Math.min(decay, (1 + step) / (10 + step));
}

/**
 * The exponential moving average ema + (1 - decay) · (params - ema). CONSUMES `ema` leaf by leaf and
 * borrows `params`; the caller owns the result.
 */
export function emaUpdate(
  ema: FlatTree<Tensor>,
  params: FlatTree<Tensor>,
  decay: ScalarValue,
): Record<string, Tensor> {
  const missing = Object.keys(ema).find((path) => params[path] === undefined);
  if (missing !== undefined) {
    throw new ClipError("bad-argument", `The params have no leaf "${missing}".`, {
      data: { path: missing },
    });
  }
  const averaged = Object.entries(ema).map(([path, old]): [string, Tensor] => {
    const next = tidy(() => add(old, mul(sub(params[path] as Tensor, old), oneMinus(decay))));
    old.dispose();
    return [path, next];
  });
  return Object.fromEntries(averaged);
}
