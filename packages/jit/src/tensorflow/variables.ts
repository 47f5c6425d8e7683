import type { Dtype } from "../ir/graph.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute } from "./messages.ts";

/** Shape and type of a tensor that stays in the runtime between steps. */
export interface StateSpec {
  readonly shape: readonly number[];
  /** float32 by default. */
  readonly dtype?: Dtype;
}

/** Tensors that stay in the runtime, as TensorFlow's resource variables. */
export interface Variables {
  /** The variable's handle. */
  handle(name: string): string;
  /** Its value, once the operations in `after` have run. */
  read(name: string, after?: readonly string[]): string;
  /** Replaces its value once the operations in `after` have run. @returns the assignment. */
  assign(name: string, value: string, after?: readonly string[]): string;
}

/** Inputs that only order operations. */
export const afterAll = (operations: readonly string[]): string[] =>
  operations.map((operation) => `^${operation}`);

/** Adds a variable for each state tensor to a graph. */
export function addVariables(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
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
  return {
    handle: (name) => find(name).handle,
    read(name, after = []) {
      const { handle, dtype } = find(name);
      const inputs = [handle, ...afterAll(after)];
      return builder.emit("ReadVariableOp", inputs, { dtype: attribute.type(dtype) });
    },
    assign(name, value, after = []) {
      const { handle, dtype } = find(name);
      const inputs = [handle, value, ...afterAll(after)];
      return builder.emit("AssignVariableOp", inputs, { dtype: attribute.type(dtype) });
    },
  };
}
