import { param, type ParamSpec } from "@clip-ts/core";

/** ln(1 / 0.07): the paper's starting temperature, stored as a logarithm. */
export const initialLogitScale: number = Math.log(1 / 0.07);

/** ln 10: where SigLIP's scale starts (Zhai et al. 2023, section 3.2). */
export const initialSigmoidLogitScale: number = Math.log(10);

/** Where SigLIP's bias starts: nearly every pair of a batch is a wrong one, so most logits are low. */
export const initialSigmoidLogitBias: number = -10;

/** ln 100: cosines are never multiplied by more than 100 (Radford et al. 2021, section 2.5). */
export const maxLogitScale: number = Math.log(100);

/** The learnable logarithm of the factor that multiplies cosines: one number, of shape [] or [1]. */
export function logitScaleSpec(
  start: number = initialLogitScale,
  shape: readonly number[] = [],
): ParamSpec {
  return param(shape, { kind: "constant", value: start }, "scale");
}

/** The learnable number added to scaled cosines before a sigmoid, of shape [] or [1]. */
export function logitBiasSpec(
  start: number = initialSigmoidLogitBias,
  shape: readonly number[] = [],
): ParamSpec {
  return param(shape, { kind: "constant", value: start }, "bias");
}

/**
 * Where the contrastive loss keeps the logarithm, to be applied to the parameter after a step: inside the
 * loss the gradient would vanish at the bound. SigLIP's scales learn freely (Zhai et al. 2023, released
 * code), and go beyond 100.
 */
export const logitScaleBounds: { readonly min: number; readonly max: number } = {
  min: 0,
  max: maxLogitScale,
};
