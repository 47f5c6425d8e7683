import { operationNames } from "@clip-ts/native";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type Attribute, type DataType } from "./messages.ts";
import type { StateSpec } from "./variables.ts";

/**
 * A copy of a weight for matmuls: transposed, for oneDNN's, or prepacked for clip-ts's own GEMM, which multiplies
 * by its transpose, in 32 bits or in bfloat16.
 */
export type MatmulCopy = "transposed" | "packed" | "packedRounded";

/** A copy of a state tensor: in bfloat16, or for matmuls. */
export type CopyKind = "rounded" | MatmulCopy;

/** Copies of state tensors, kept beside them so that they are not made in every run. */
export interface WeightCopies {
  /** The variable that holds a copy, if anybody reads it. */
  find(name: string, kind: CopyKind): string | undefined;
  /** Reads a copy, which will be kept from now on. */
  read(name: string, kind: CopyKind): string;
  /** Makes all copies anew of what the state is now. @returns the assignments. */
  renew(): readonly string[];
}

interface WeightCopy {
  readonly name: string;
  readonly kind: CopyKind;
  readonly handle: string;
}

const dtypeOf: Readonly<Record<CopyKind, DataType>> = {
  rounded: "bfloat16",
  transposed: "float32",
  packed: "float32",
  packedRounded: "bfloat16",
};

/** How long the sides of a copy are; only the native part knows it of what it packs. */
function shapeOf(kind: CopyKind, shape: readonly number[]): Attribute {
  if (kind === "rounded") return attribute.shape(shape);
  return kind === "transposed" ? attribute.shape(shape.toReversed()) : attribute.anyShape();
}

/** Writes the copy of a tensor. */
function emitCopy(builder: GraphBuilder, x: string, kind: CopyKind): string {
  if (kind === "transposed") return builder.emit(operationNames.transpose, [x]);
  const T = attribute.type(dtypeOf[kind]);
  const typed =
    dtypeOf[kind] === "float32"
      ? x
      : builder.emit("Cast", [x], { SrcT: attribute.type("float32"), DstT: T });
  return kind === "rounded" ? typed : builder.emit(operationNames.prepackB, [typed], { T });
}

/** Keeps copies of the state tensors whose handles are given. */
export function createWeightCopies(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
  handleOf: (name: string) => string,
): WeightCopies {
  const copies = new Map<string, WeightCopy>();
  const find = (name: string, kind: CopyKind): WeightCopy | undefined =>
    copies.get(`${kind} ${name}`);
  const add = (name: string, kind: CopyKind): WeightCopy => {
    const { shape } = state[name] as StateSpec;
    const handle = builder.emit("VarHandleOp", [], {
      dtype: attribute.type(dtypeOf[kind]),
      shape: shapeOf(kind, shape),
      shared_name: attribute.text(`t${copies.size}`),
    });
    const copy = { name, kind, handle };
    copies.set(`${kind} ${name}`, copy);
    return copy;
  };
  return {
    find: (name, kind) => find(name, kind)?.handle,
    read(name, kind) {
      const { handle } = find(name, kind) ?? add(name, kind);
      const types = { dtype: attribute.type(dtypeOf[kind]) };
      return builder.emitOnce("kept", "ReadVariableOp", [handle], types);
    },
    renew: () =>
      [...copies.values()].map(({ name, kind, handle }) => {
        const dtype = attribute.type("float32");
        const read = builder.emit("ReadVariableOp", [handleOf(name)], { dtype });
        const value = emitCopy(builder, read, kind);
        const types = { dtype: attribute.type(dtypeOf[kind]) };
        return builder.emit("AssignVariableOp", [handle, value], types);
      }),
  };
}

/** Copies of a tensor of the state that are kept between runs: what reads them. */
export interface KeptCopies {
  readonly rounded?: () => string;
  readonly forMatmul?: (copy: MatmulCopy) => string;
}

/** A value in the TensorFlow graph, by the names of the tensors that hold it: at least one of the two. */
export interface Tensor {
  /** In the value's own type, 32 bits wide where it is float32. */
  readonly wide?: string;
  /** In bfloat16. */
  readonly rounded?: string;
  readonly kept?: KeptCopies;
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
