import type { Dtype } from "@clip-ts/jit";
import { operationNames } from "@clip-ts/native";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type Attribute, type DataType } from "./messages.ts";

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
    dtypeOf[kind] === "float32" ? x : builder.emit("Cast", [x], { SrcT: attribute.type("float32"), DstT: T });
  return kind === "rounded" ? typed : builder.emit(operationNames.prepackB, [typed], { T });
}

/** Keeps copies of the state tensors whose handles are given. */
function createWeightCopies(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
  handleOf: (name: string) => string,
): WeightCopies {
  const copies = new Map<string, WeightCopy>();
  const find = (name: string, kind: CopyKind): WeightCopy | undefined => copies.get(`${kind} ${name}`);
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
  wide === undefined ? { name: narrow as string, type: "bfloat16" } : { name: wide, type: "float32" };

/** Shape and type of a tensor that stays in the runtime between runs. */
export interface StateSpec {
  readonly shape: readonly number[];
  /** float32 by default. */
  readonly dtype?: Dtype;
}

/** Names of state tensors of which copies may be kept: in bfloat16, or transposed or prepacked for matmuls. */
export interface KeepableState {
  readonly rounded: ReadonlySet<string>;
  readonly forMatmul: ReadonlySet<string>;
}

/** Tensors that stay in the runtime, as TensorFlow's resource variables. */
export interface Variables {
  /** The variable's handle. */
  handle(name: string): string;
  /** Its value, once the operations in `after` have run. */
  read(name: string, after?: readonly string[]): string;
  /** The same, with the copies that are kept of it. */
  tensor(name: string, after?: readonly string[]): Tensor;
  /**
   * Makes the copies of variables that are read, such as those in bfloat16, of what the variables hold.
   * @returns the assignments.
   */
  renewCopies(): readonly string[];
  /**
   * Puts an operation that changes a variable by itself after everything that reads it, and lets it keep
   * the bfloat16 copy up to date. `emit` is called once all entry points are written. @returns its name.
   */
  changedBy(name: string, emit: (change: VariableChange) => void): string;
  /** Writes what waited for all entry points. */
  close(): void;
  /** Replaces its value once the operations in `after` have run. @returns the assignment. */
  assign(name: string, value: string, after?: readonly string[]): string;
}

/** An operation that changes a variable: its name, and what it has to know. */
export interface VariableChange {
  readonly operation: string;
  /** The variable that holds the bfloat16 copy, if anything reads that. */
  readonly copy?: string;
  /** Operations that must have run before. */
  readonly after: readonly string[];
}

/** Inputs that only order operations. */
export const afterAll = (operations: readonly string[]): string[] => operations.map((operation) => `^${operation}`);

/** Adds a variable for each state tensor to a graph; copies may be kept of those in `keepable`. */
export function addVariables(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
  keepable: KeepableState = { rounded: new Set(), forMatmul: new Set() },
): Variables {
  const handles = new Map<string, { readonly handle: string; readonly dtype: Dtype }>();
  for (const [name, { shape, dtype = "float32" }] of Object.entries(state)) {
    const handle = builder.emit("VarHandleOp", [], {
      dtype: attribute.type(dtype),
      shape: attribute.shape(shape),
      shared_name: attribute.text(`v${handles.size}`),
    });
    handles.set(name, { handle, dtype });
  }
  const find = (name: string): { readonly handle: string; readonly dtype: Dtype } => {
    const found = handles.get(name);
    if (found === undefined) throw new Error(`No state is called ${name}.`);
    return found;
  };
  const copies = createWeightCopies(builder, state, (name) => find(name).handle);
  const waiting: (() => void)[] = [];
  const read: Variables["read"] = (name, after = []) => {
    const { handle, dtype } = find(name);
    const inputs = [handle, ...afterAll(after)];
    return builder.emit("ReadVariableOp", inputs, { dtype: attribute.type(dtype) });
  };
  const keptOf = (name: string): KeptCopies => ({
    ...(keepable.rounded.has(name) ? { rounded: () => copies.read(name, "rounded") } : {}),
    ...(keepable.forMatmul.has(name) ? { forMatmul: (copy) => copies.read(name, copy) } : {}),
  });
  return {
    changedBy(name, emit) {
      const operation = builder.reserve();
      waiting.push(() => {
        const copy = copies.find(name, "rounded");
        const after = copy === undefined ? [] : [copies.read(name, "rounded")];
        emit({ operation, after, ...(copy === undefined ? {} : { copy }) });
      });
      return operation;
    },
    close: () => waiting.splice(0).forEach((write) => write()),
    renewCopies: () => copies.renew(),
    handle: (name) => find(name).handle,
    read,
    tensor: (name, after) => ({ wide: read(name, after), kept: keptOf(name) }),
    assign(name, value, after = []) {
      const { handle, dtype } = find(name);
      const inputs = [handle, value, ...afterAll(after)];
      return builder.emit("AssignVariableOp", inputs, { dtype: attribute.type(dtype) });
    },
  };
}

/** Lets a graph change its state or not, depending on numbers that it computes itself. */
export interface Guard {
  /** The same tensor, if the state may change; what needs it does not run otherwise. */
  gate(tensor: string, dtype: DataType): string;
  /** States the condition: these numbers are finite. @returns what runs once all changes are made. */
  close(numbers: readonly string[], changes: readonly string[]): string;
}

const T = attribute.type("float32");
const truth = { T: attribute.type("bool") };

/** Without a condition: the state always changes. */
export function openPassage(builder: GraphBuilder): Guard {
  return {
    gate: (tensor) => tensor,
    close: (_, changes) => builder.emit("NoOp", afterAll(changes)),
  };
}

/**
 * The state changes only if numbers named at the end are finite. TensorFlow's `Switch` sends a tensor to
 * its second output if the condition holds and leaves the other one dead; `Merge` waits for either.
 */
export function finiteGuard(builder: GraphBuilder): Guard {
  const condition = builder.reserve();
  return {
    gate: (tensor, dtype) => `${builder.emit("Switch", [tensor, condition], { T: attribute.type(dtype) })}:1`,
    close(numbers, changes) {
      const checks = numbers.map((number) => builder.emit("IsFinite", [number], { T }));
      const all = checks.reduce((left, right) => builder.emit("LogicalAnd", [left, right]));
      builder.emit("Identity", [all], truth, condition);
      const sides = builder.emit("Switch", [condition, condition], truth);
      const changed = builder.emit("Identity", [`${sides}:1`, ...afterAll(changes)], truth);
      return builder.emit("Merge", [sides, changed], { ...truth, N: attribute.integer(2) });
    },
  };
}
