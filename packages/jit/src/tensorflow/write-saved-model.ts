import { emitStep, type StepSpec } from "./emit-step.ts";
import { createGraphBuilder, type GraphBuilder, type Precision } from "./graph-builder.ts";
import { attribute, encodeSavedModel, type Signature, type TensorInfo } from "./messages.ts";
import { addVariables, type StateSpec, type Variables } from "./variables.ts";

/** Steps that share state. Fusing, passes and shapes are per step: one for each text length. */
export interface ProgramSpec {
  /** Tensors that stay in the runtime; none for pure functions. */
  readonly state?: Readonly<Record<string, StateSpec>>;
  /** Entry points by name; `read` and `write` are taken if there is state. */
  readonly steps: Readonly<Record<string, StepSpec>>;
  /** f32 by default. */
  readonly precision?: Precision;
  /** Inputs, by name, whose products are not rounded to bf16: heads right before the logits. */
  readonly staysExact?: (input: string) => boolean;
}

/** A SavedModel: its file, and how to feed and fetch each entry point. */
export interface SavedModel {
  /** The contents of `saved_model.pb`, the only file it needs. */
  readonly bytes: Uint8Array;
  readonly signatures: Readonly<Record<string, Signature>>;
}

/** What an entry point that only acts returns: one truth value. */
const doneOutput = "done";

function emitWrite(builder: GraphBuilder, variables: Variables, spec: ProgramSpec): Signature {
  const inputs: Record<string, TensorInfo> = {};
  const assignments: string[] = [];
  for (const [name, { shape, dtype = "float32" }] of Object.entries(spec.state ?? {})) {
    const placeholder = builder.emit("Placeholder", [], {
      dtype: attribute.type(dtype),
      shape: attribute.shape(shape),
    });
    // What is fed lies in the caller's memory; the variable must own what it updates in place.
    const copy = builder.emit("DeepCopy", [placeholder], { T: attribute.type(dtype) });
    assignments.push(variables.assign(name, copy));
    inputs[name] = { tensor: `${placeholder}:0`, dtype, shape };
  }
  const after = assignments.map((name) => `^${name}`);
  const done = builder.emit("Identity", [builder.scalar(1, "bool"), ...after], {
    T: attribute.type("bool"),
  });
  return { inputs, outputs: { [doneOutput]: { tensor: `${done}:0`, dtype: "bool", shape: [] } } };
}

function emitRead(variables: Variables, spec: ProgramSpec): Signature {
  const outputs = Object.entries(spec.state ?? {}).map(
    ([name, { shape, dtype = "float32" }]): [string, TensorInfo] => [
      name,
      { tensor: `${variables.read(name)}:0`, dtype, shape },
    ],
  );
  return { inputs: {}, outputs: Object.fromEntries(outputs) };
}

/** Writes steps and the state they share as one SavedModel, which one TensorFlow session runs. */
export function writeSavedModel(spec: ProgramSpec): SavedModel {
  const { state = {}, steps, precision, staysExact } = spec;
  const builder = createGraphBuilder(precision, staysExact);
  const names = new Set(Object.keys(state));
  const variables = names.size === 0 ? undefined : addVariables(builder, state);
  const signatures: Record<string, Signature> = {};
  for (const [name, step] of Object.entries(steps)) {
    signatures[name] = emitStep(builder, step, variables, names);
  }
  if (variables !== undefined) {
    signatures["write"] = emitWrite(builder, variables, spec);
    signatures["read"] = emitRead(variables, spec);
  }
  return { bytes: encodeSavedModel(builder.nodes, signatures), signatures };
}
