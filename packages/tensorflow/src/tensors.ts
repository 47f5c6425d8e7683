import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type DataType } from "./messages.ts";
import type { ProductForm } from "./twins.ts";

/** Other forms of a tensor of the state, which are kept between runs: what reads them. */
export interface KeptForms {
  readonly rounded?: () => string;
  readonly forProducts?: (form: ProductForm) => string;
}

/** A value in the TensorFlow graph, by the names of the tensors that hold it: at least one of the two. */
export interface Tensor {
  /** In the value's own type, 32 bits wide where it is float32. */
  readonly wide?: string;
  /** In bfloat16. */
  readonly rounded?: string;
  readonly kept?: KeptForms;
}

/** `x` in another type; written once however often it is asked for. */
function castOnce(builder: GraphBuilder, x: string, from: DataType, to: DataType): string {
  const types = { SrcT: attribute.type(from), DstT: attribute.type(to) };
  return builder.emitOnce(to, "Cast", [x], types);
}

/** The tensor in bfloat16: as it is kept, as it is, or rounded. */
export function rounded(builder: GraphBuilder, tensor: Tensor): string {
  if (tensor.kept?.rounded !== undefined) return tensor.kept.rounded();
  return tensor.rounded ?? castOnce(builder, tensor.wide as string, "float32", "bfloat16");
}

/** The tensor in 32 bits. */
export const widened = (builder: GraphBuilder, { wide, rounded: narrow }: Tensor): string =>
  wide ?? castOnce(builder, narrow as string, "bfloat16", "float32");

/** A tensor and its type. */
export interface TypedTensor {
  readonly name: string;
  readonly type: "float32" | "bfloat16";
}

/** The tensor as it was made, in 32 bits if in both. */
export const asMade = ({ wide, rounded: narrow }: Tensor): TypedTensor =>
  wide === undefined
    ? { name: narrow as string, type: "bfloat16" }
    : { name: wide, type: "float32" };
