import { attribute, type Signature, type TensorInfo } from "./messages.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { HostArrays } from "@clip-ts/jit";
import { afterAll, type StateSpec, type Variables } from "./variables.ts";

type StateSpecs = Readonly<Record<string, StateSpec>>;

/** Entry points that touch one group of state tensors. */
export interface StateSignatures {
  readonly read: string;
  readonly write: string;
  /** Fills the group with zeros. */
  readonly clear: string;
  readonly names: readonly string[];
}

/**
 * Groups of state tensors, by what their names begin with up to the last colon. They are read and written
 * group by group, so that no more than one group exists twice.
 */
export function stateGroups(state: StateSpecs): StateSignatures[] {
  const groups = new Map<string, string[]>();
  for (const name of Object.keys(state)) {
    const group = name.slice(0, Math.max(0, name.lastIndexOf(":")));
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups].map(([group, names]) => {
    const of = (verb: string): string => `${verb} ${group}`.trim();
    return { read: of("read"), write: of("write"), clear: of("clear"), names };
  });
}

/** What an entry point that only acts returns: one truth value. */
const doneOutput = "done";

/** An entry point that returns nothing of worth, once operations such as assignments have run. */
export function afterAssignments(
  builder: GraphBuilder,
  inputs: Record<string, TensorInfo>,
  assignments: readonly string[],
): Signature {
  const operands = [builder.scalar(1, "bool"), ...afterAll(assignments)];
  const done = builder.emit("Identity", operands, { T: attribute.type("bool") });
  return { inputs, outputs: { [doneOutput]: { tensor: `${done}:0`, dtype: "bool", shape: [] } } };
}

function emitWrite(builder: GraphBuilder, variables: Variables, state: StateSpecs): Signature {
  const inputs: Record<string, TensorInfo> = {};
  const assignments: string[] = [];
  for (const [name, { shape, dtype = "float32" }] of Object.entries(state)) {
    const placeholder = builder.emit("Placeholder", [], {
      dtype: attribute.type(dtype),
      shape: attribute.shape(shape),
    });
    // What is fed lies in the caller's memory; the variable must own what it updates in place.
    const copy = builder.emit("DeepCopy", [placeholder], { T: attribute.type(dtype) });
    assignments.push(variables.assign(name, copy));
    inputs[name] = { tensor: `${placeholder}:0`, dtype, shape };
  }
  return afterAssignments(builder, inputs, assignments);
}

/** The number that a group is filled with is fed: TensorFlow would store zeros that it can foresee. */
export const clearInput: HostArrays = { zero: { data: Float32Array.of(0), shape: [] } };

function emitClear(builder: GraphBuilder, variables: Variables, state: StateSpecs): Signature {
  const number = builder.emit("Placeholder", [], {
    dtype: attribute.type("float32"),
    shape: attribute.shape([]),
  });
  const assignments = Object.entries(state).map(([name, { shape, dtype = "float32" }]) => {
    const zeros = builder.emit("Fill", [builder.integers(shape), number], {
      T: attribute.type("float32"),
      index_type: attribute.type("int32"),
    });
    if (dtype === "float32") return variables.assign(name, zeros);
    const types = { SrcT: attribute.type("float32"), DstT: attribute.type(dtype) };
    return variables.assign(name, builder.emit("Cast", [zeros], types));
  });
  const zero: TensorInfo = { tensor: `${number}:0`, dtype: "float32", shape: [] };
  return afterAssignments(builder, { zero }, assignments);
}

function emitRead(variables: Variables, state: StateSpecs): Signature {
  const outputs = Object.entries(state).map(
    ([name, { shape, dtype = "float32" }]): [string, TensorInfo] => [
      name,
      { tensor: `${variables.read(name)}:0`, dtype, shape },
    ],
  );
  return { inputs: {}, outputs: Object.fromEntries(outputs) };
}

/** Writes the entry points that read, replace and clear state. @returns how to feed and fetch them. */
export function emitStateAccess(
  builder: GraphBuilder,
  variables: Variables,
  state: StateSpecs,
): Record<string, Signature> {
  const signatures: Record<string, Signature> = {};
  for (const { read, write, clear, names } of stateGroups(state)) {
    const group = Object.fromEntries(names.map((name) => [name, state[name] as StateSpec]));
    signatures[write] = emitWrite(builder, variables, group);
    signatures[clear] = emitClear(builder, variables, group);
    signatures[read] = emitRead(variables, group);
  }
  return signatures;
}

/** Writes the entry points that clear state, and no others. @returns how to feed and fetch them. */
export function emitClearing(
  builder: GraphBuilder,
  variables: Variables,
  state: StateSpecs,
): Record<string, Signature> {
  const signatures = stateGroups(state).map(({ clear, names }) => {
    const group = Object.fromEntries(names.map((name) => [name, state[name] as StateSpec]));
    return [clear, emitClear(builder, variables, group)] as const;
  });
  return Object.fromEntries(signatures);
}
