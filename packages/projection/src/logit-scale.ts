import { param, type ParamSpec } from "@clip-ts/core";
import { clipByValue, type Tensor } from "@tensorflow/tfjs-core";

/** ln(1 / 0.07): the paper's starting temperature, stored as a logarithm. */
export const initialLogitScale: number = Math.log(1 / 0.07);

/** ln 100: cosines are never multiplied by more than 100 (Radford et al. 2021, section 2.5). */
export const maxLogitScale: number = Math.log(100);

/** The learnable logarithm of the factor that multiplies cosines; a scalar. */
export function logitScaleSpec(start: number = initialLogitScale): ParamSpec {
  return param([], { kind: "constant", value: start });
}

/**
 * Keeps the logarithm in [0, ln 100]. Apply it to the parameter after a step: inside the loss the
 * gradient would vanish at the bound.
 */
export function clampLogitScale(logitScale: Tensor): Tensor {
  return clipByValue(logitScale, 0, maxLogitScale);
}
