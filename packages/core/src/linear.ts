import { add, matMul, reshape, type Tensor } from "@tensorflow/tfjs-core";
import { axisLength } from "./shape.ts";
import { type Initialiser, type ParamRole, type ParamSpec, param, zeros } from "./spec.ts";

/** weight [out, in] as checkpoints keep it, bias [out]. */
export interface LinearParams<Leaf = Tensor> {
  readonly weight: Leaf;
  readonly bias?: Leaf;
}

/** Spec of a linear layer, a matrix unless it is a head; `bias: false` leaves the bias out. */
export function linearSpec(
  inputs: number,
  outputs: number,
  options: {
    readonly weight: Initialiser;
    readonly bias?: Initialiser | false;
    readonly role?: Extract<ParamRole, "matrix" | "head">;
  },
): LinearParams<ParamSpec> {
  const weight = param([outputs, inputs], options.weight, options.role ?? "matrix");
  if (options.bias === false) return { weight };
  return { weight, bias: param([outputs], options.bias ?? zeros, "bias") };
}

/** x · weightᵀ + bias. x [..., in] → [..., out]. */
export function linear(params: LinearParams, x: Tensor): Tensor {
  const rows = reshape(x, [-1, axisLength(x, -1)]); // [rows, in]
  const product = matMul(rows, params.weight, false, true); // [rows, out]
  const shifted = params.bias === undefined ? product : add(product, params.bias);
  return reshape(shifted, [...x.shape.slice(0, -1), axisLength(params.weight, 0)]);
}
