import type { Dtype } from "@clip-ts/jit";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute } from "./messages.ts";
import type { KeptForms, Tensor } from "./tensors.ts";
import { createTwins } from "./twins.ts";

/** Shape and type of a tensor that stays in the runtime between steps. */
export interface StateSpec {
  readonly shape: readonly number[];
  /** float32 by default. */
  readonly dtype?: Dtype;
}

/** Names of state tensors of which other forms may be kept: in bfloat16, or laid out for products. */
export interface KeepableState {
  readonly rounded: ReadonlySet<string>;
  readonly forProducts: ReadonlySet<string>;
}

/** Tensors that stay in the runtime, as TensorFlow's resource variables. */
export interface Variables {
  /** The variable's handle. */
  handle(name: string): string;
  /** Its value, once the operations in `after` have run. */
  read(name: string, after?: readonly string[]): string;
  /** The same, with the other forms that are kept of it. */
  tensor(name: string, after?: readonly string[]): Tensor;
  /**
   * Makes the other forms of variables that steps read, such as bfloat16, of what the variables hold.
   * @returns the assignments.
   */
  renewTwins(): readonly string[];
  /**
   * Puts an operation that changes a variable by itself after everything that reads it, and lets it keep
   * the rounded form up to date. `emit` is called once all steps are written. @returns its name.
   */
  changedBy(name: string, emit: (change: VariableChange) => void): string;
  /** Writes what waited for all steps. */
  close(): void;
  /** Replaces its value once the operations in `after` have run. @returns the assignment. */
  assign(name: string, value: string, after?: readonly string[]): string;
}

/** An operation that changes a variable: its name, and what it has to know. */
export interface VariableChange {
  readonly operation: string;
  /** The variable that holds the rounded form, if any step reads that. */
  readonly twin?: string;
  /** Operations that must have run before. */
  readonly after: readonly string[];
}

/** Inputs that only order operations. */
export const afterAll = (operations: readonly string[]): string[] =>
  operations.map((operation) => `^${operation}`);

/** Adds a variable for each state tensor to a graph; other forms may be kept of those in `keepable`. */
export function addVariables(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
  keepable: KeepableState = { rounded: new Set(), forProducts: new Set() },
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
  const twins = createTwins(builder, state, (name) => find(name).handle);
  const waiting: (() => void)[] = [];
  const read: Variables["read"] = (name, after = []) => {
    const { handle, dtype } = find(name);
    const inputs = [handle, ...afterAll(after)];
    return builder.emit("ReadVariableOp", inputs, { dtype: attribute.type(dtype) });
  };
  const keptOf = (name: string): KeptForms => ({
    ...(keepable.rounded.has(name) ? { rounded: () => twins.read(name, "rounded") } : {}),
    ...(keepable.forProducts.has(name) ? { forProducts: (form) => twins.read(name, form) } : {}),
  });
  return {
    changedBy(name, emit) {
      const operation = builder.reserve();
      waiting.push(() => {
        const twin = twins.find(name, "rounded");
        const after = twin === undefined ? [] : [twins.read(name, "rounded")];
        emit({ operation, after, ...(twin === undefined ? {} : { twin }) });
      });
      return operation;
    },
    close: () => waiting.splice(0).forEach((write) => write()),
    renewTwins: () => twins.renew(),
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
