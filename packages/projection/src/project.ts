import {
  activate,
  l2Normalize,
  linear,
  linearSpec,
  normal,
  param,
  withTraits,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** ln(1 / 0.07): the paper's starting temperature, stored as a logarithm. */
export const initialLogitScale: number = Math.log(1 / 0.07);

/** ln 10: where SigLIP's scale starts (Zhai et al. 2023, section 3.2). */
export const initialSigmoidLogitScale: number = Math.log(10);

/** Where SigLIP's bias starts: nearly every pair of a batch is a wrong one, so most logits are low. */
export const initialSigmoidLogitBias: number = -10;

/** ln 100: cosines are never multiplied by more than 100 (Radford et al. 2021, section 2.5). */
export const maxLogitScale: number = Math.log(100);

/** The learnable logarithm of the factor that multiplies cosines: one number, of shape [] or [1]. */
export function logitScaleSpec(start: number = initialLogitScale, shape: readonly number[] = []): ParamSpec {
  return param(shape, { kind: "constant", value: start }, "scale");
}

/** The learnable number added to scaled cosines before a sigmoid, of shape [] or [1]. */
export function logitBiasSpec(start: number = initialSigmoidLogitBias, shape: readonly number[] = []): ParamSpec {
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

/**
 * What takes a tower's feature to the joint space: a matrix, the same with a bias, open_clip's two
 * layers with a GELU between them and no biases, or nothing for a tower that ends there by itself.
 */
export type HeadKind = "linear" | "affine" | "mlp" | "none";

/** fc1 [(dim + joint) / 2, dim], fc2 [joint, (dim + joint) / 2], without bias. */
export interface MlpHeadParams<Leaf = Tensor> {
  readonly fc1: LinearParams<Leaf>;
  readonly fc2: LinearParams<Leaf>;
}

/** A head's parameters: weight [joint, dim] and perhaps bias [joint], or the two layers of an MLP. */
export type ProjectionParams<Leaf = Tensor> = LinearParams<Leaf> | MlpHeadParams<Leaf>;

/**
 * A matrix that starts with deviation inputs^-½, as OpenAI's heads do. Its matmuls are exact: logits
 * multiply what is lost here by up to a hundred.
 */
function layerSpec(inputs: number, outputs: number, bias: boolean): LinearParams<ParamSpec> {
  const weight = normal(inputs ** -0.5);
  const options = { weight, role: "head" as const };
  const layer = linearSpec(inputs, outputs, bias ? options : { ...options, bias: false });
  return withTraits(layer, { precision: "exact" });
}

/** Spec of a head from a tower's feature of length `dim` to the joint space. */
export function projectionSpec(
  dim: number,
  joint: number,
  kind: Exclude<HeadKind, "none"> = "linear",
): ProjectionParams<ParamSpec> {
  if (kind !== "mlp") return layerSpec(dim, joint, kind === "affine");
  const hidden = Math.floor((dim + joint) / 2);
  return { fc1: layerSpec(dim, hidden, false), fc2: layerSpec(hidden, joint, false) };
}

/** Takes a tower's feature into the joint space. feature [batch, dim] → [batch, joint], of any length. */
export function applyHead(params: ProjectionParams | undefined, feature: Tensor): Tensor {
  if (params === undefined) return feature;
  if (!("fc1" in params)) return linear(params, feature);
  return linear(params.fc2, activate("gelu", linear(params.fc1, feature)));
}

/**
 * Takes a tower's feature into the joint space and scales it to length 1, so that a dot product of two
 * such rows is their cosine. feature [batch, dim] → [batch, joint]. Without a head, only the length
 * changes.
 */
export function project(params: ProjectionParams | undefined, feature: Tensor): Tensor {
  return l2Normalize(applyHead(params, feature));
}
