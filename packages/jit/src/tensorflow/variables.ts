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
  /**
   * Rounds the values of unchanging variables that are read in bfloat16, for all runs to come.
   * @returns the assignments.
   */
  keepRounded(): readonly string[];
  /** Replaces its value once the operations in `after` have run. @returns the assignment. */
  assign(name: string, value: string, after?: readonly string[]): string;
}

/** Inputs that only order operations. */
export const afterAll = (operations: readonly string[]): string[] =>
  operations.map((operation) => `^${operation}`);

/** Adds a variable for each state tensor to a graph; `unchanging` ones are replaced by no step. */
export function addVariables(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
  unchanging: ReadonlySet<string> = new Set(),
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
  const twins = new Map<string, string>();
  const bfloat16 = attribute.type("bfloat16");
  const addTwin = (name: string): string => {
    const handle = builder.emit("VarHandleOp", [], {
      dtype: bfloat16,
      shape: attribute.shape((state[name] as StateSpec).shape),
      shared_name: attribute.text(`r${twins.size}`),
    });
    twins.set(name, handle);
    return handle;
  };
  const readRounded = (name: string): string => {
    const twin = twins.get(name) ?? addTwin(name);
    return builder.emitOnce("kept", "ReadVariableOp", [twin], { dtype: bfloat16 });
  };
  return {
    keepRounded: () =>
      [...twins].map(([name, twin]) => {
        const types = { SrcT: attribute.type("float32"), DstT: bfloat16 };
        const read = builder.emit("ReadVariableOp", [find(name).handle], { dtype: types.SrcT });
        const value = builder.emit("Cast", [read], types);
        return builder.emit("AssignVariableOp", [twin, value], { dtype: bfloat16 });
      }),
    handle: (name) => find(name).handle,
    read(name, after = []) {
      const { handle, dtype } = find(name);
      const inputs = [handle, ...afterAll(after)];
      const value = builder.emit("ReadVariableOp", inputs, { dtype: attribute.type(dtype) });
      if (unchanging.has(name)) builder.keptRounded.set(value, () => readRounded(name));
      return value;
    },
    assign(name, value, after = []) {
      const { handle, dtype } = find(name);
      const inputs = [handle, value, ...afterAll(after)];
      return builder.emit("AssignVariableOp", inputs, { dtype: attribute.type(dtype) });
    },
  };
}
