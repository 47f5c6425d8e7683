import type { Dtype } from "@clip-ts/jit";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type DataType } from "./messages.ts";
import { createWeightCopies, type KeptCopies, type Tensor } from "./tensors.ts";

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
export const afterAll = (operations: readonly string[]): string[] =>
  operations.map((operation) => `^${operation}`);

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
    gate: (tensor, dtype) =>
      `${builder.emit("Switch", [tensor, condition], { T: attribute.type(dtype) })}:1`,
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
