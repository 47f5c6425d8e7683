import { emitStep, movedByAdamw, type StepSpec } from "./emit-step.ts";
import { createGraphBuilder, type OwnOperations, type Precision } from "./graph-builder.ts";
import { encodeSavedModel, type Signature } from "./messages.ts";
import { afterAssignments, emitClearing, emitStateAccess } from "./state-access.ts";
import { addVariables, type KeepableState, type StateSpec } from "./variables.ts";

/** Steps that share state. Fusing, passes and shapes are per step: one for each text length. */
export interface ProgramSpec extends OwnOperations {
  /** Tensors that stay in the runtime; none for pure functions. */
  readonly state?: Readonly<Record<string, StateSpec>>;
  /** Tensors that steps share without anyone else seeing them; their values begin with `clear`. */
  readonly scratch?: Readonly<Record<string, StateSpec>>;
  /** Tensors that one step leaves for another one, without a value before. */
  readonly kept?: Readonly<Record<string, StateSpec>>;
  /** Whether the scratch tensors can be read and written between steps; false by default. */
  readonly sharesScratch?: boolean;
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

/** State of which other forms may be kept: what no step changes, or AdamW alone, which rounds as it goes. */
function keepableIn(
  names: ReadonlySet<string>,
  steps: readonly StepSpec[],
  hasOwnOperations: boolean,
): KeepableState {
  const changed = new Set(steps.flatMap(({ updates = {} }) => Object.keys(updates)));
  const elsewhere = steps.flatMap((step) => {
    const moved = new Set(hasOwnOperations ? movedByAdamw(step) : []);
    return Object.keys(step.updates ?? {}).filter((name) => !moved.has(name));
  });
  const without = (left: ReadonlySet<string>): Set<string> =>
    new Set([...names].filter((name) => !left.has(name)));
  const unchanging = hasOwnOperations ? without(changed) : new Set<string>();
  return { rounded: without(new Set(elsewhere)), forProducts: unchanging };
}

/** What is written for scratch tensors. */
const scratchAccess = ({ sharesScratch }: ProgramSpec): typeof emitClearing =>
  sharesScratch === true ? emitStateAccess : emitClearing;

/** Writes steps and the state they share as one SavedModel, which one TensorFlow session runs. */
export function writeSavedModel(spec: ProgramSpec): SavedModel {
  const { state = {}, scratch = {}, steps } = spec;
  const builder = createGraphBuilder(spec);
  const kept = { ...state, ...scratch, ...spec.kept };
  const names = new Set(Object.keys(kept));
  const keepable = keepableIn(names, Object.values(steps), builder.hasOwnOperations);
  const variables = names.size === 0 ? undefined : addVariables(builder, kept, keepable);
  const signatures: Record<string, Signature> = {};
  for (const [name, step] of Object.entries(steps)) {
    signatures[name] = emitStep(builder, step, variables, names);
  }
  variables?.close();
  if (variables !== undefined) {
    Object.assign(signatures, emitStateAccess(builder, variables, state));
    Object.assign(signatures, scratchAccess(spec)(builder, variables, scratch));
    const rounding = variables.renewTwins();
    if (rounding.length > 0) signatures[roundEntry] = afterAssignments(builder, {}, rounding);
  }
  return { bytes: encodeSavedModel(builder.nodes, signatures), signatures };
}
