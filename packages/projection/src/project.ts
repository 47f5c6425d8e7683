import {
  l2Normalize,
  linear,
  linearSpec,
  normal,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** A linear head without bias: weight [joint, dim]. */
export type ProjectionParams<Leaf = Tensor> = LinearParams<Leaf>;

/** Spec of a head from a tower's feature to the joint space, started with deviation dim^-½. */
export function projectionSpec(dim: number, joint: number): ProjectionParams<ParamSpec> {
  return linearSpec(dim, joint, { weight: normal(dim ** -0.5), bias: false });
}

/**
 * Takes a tower's feature into the joint space and scales it to length 1, so that a dot product of two
 * such rows is their cosine. feature [batch, dim] → [batch, joint].
 */
export function project(params: ProjectionParams, feature: Tensor): Tensor {
  return l2Normalize(linear(params, feature));
}
