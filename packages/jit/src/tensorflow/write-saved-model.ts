import { emitStep, type StepSpec } from "./emit-step.ts";
import { createGraphBuilder, type Precision } from "./graph-builder.ts";
import { encodeSavedModel, type Signature } from "./messages.ts";
import { afterAssignments, emitClearing, emitStateAccess } from "./state-access.ts";
import { addVariables, type StateSpec } from "./variables.ts";

/** Steps that share state. Fusing, passes and shapes are per step: one for each text length. */
export interface ProgramSpec {
  /** Tensors that stay in the runtime; none for pure functions. */
  readonly state?: Readonly<Record<string, StateSpec>>;
  /** Tensors that steps share without anyone else seeing them; their values begin with `clear`. */
  readonly scratch?: Readonly<Record<string, StateSpec>>;
  /** Entry points by name; those that begin with read, write or clear are taken if there is state. */
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

/** The entry point that rounds unchanging state, if any is; to be run when that has been written. */
export const roundEntry = "round";

/** Writes steps and the state they share as one SavedModel, which one TensorFlow session runs. */
export function writeSavedModel(spec: ProgramSpec): SavedModel {
  const { state = {}, scratch = {}, steps, precision, staysExact } = spec;
  const builder = createGraphBuilder(precision, staysExact);
  const kept = { ...state, ...scratch };
  const names = new Set(Object.keys(kept));
  const changed = new Set(Object.values(steps).flatMap(({ updates = {} }) => Object.keys(updates)));
  const unchanging = new Set([...names].filter((name) => !changed.has(name)));
  const variables = names.size === 0 ? undefined : addVariables(builder, kept, unchanging);
  const signatures: Record<string, Signature> = {};
  for (const [name, step] of Object.entries(steps)) {
    signatures[name] = emitStep(builder, step, variables, names);
  }
  if (variables !== undefined) {
    Object.assign(signatures, emitStateAccess(builder, variables, state));
    Object.assign(signatures, emitClearing(builder, variables, scratch));
    const rounding = variables.keepRounded();
    if (rounding.length > 0) signatures[roundEntry] = afterAssignments(builder, {}, rounding);
  }
  return { bytes: encodeSavedModel(builder.nodes, signatures), signatures };
}
