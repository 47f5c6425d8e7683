import type { ParamSpec } from "@clip-ts/core";

/**
 * What defaults ask of a parameter: its spec, or no more than a shape, such as a tensor's. Then what has
 * two axes or more counts as a matrix, and the rest as biases.
 */
export type LeafTraits = Pick<ParamSpec, "shape"> & Partial<Omit<ParamSpec, "shape" | "init">>;

/** The role of a parameter, told from its shape if it does not say. */
export function roleOf({ role, shape }: LeafTraits): ParamSpec["role"] {
  return role ?? (shape.length >= 2 ? "matrix" : "bias");
}
