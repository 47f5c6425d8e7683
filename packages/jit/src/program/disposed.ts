import { refuseAfterDisposal } from "@clip-ts/base";
import type { CompiledFunction } from "./target.ts";
import type { TrainingProgram } from "./training-spec.ts";

/** A compiled graph that says so when it is run after `dispose`. */
export function disposableFunction(compiled: CompiledFunction): CompiledFunction {
  return refuseAfterDisposal(compiled, {
    what: "This compiled graph",
    remedy: "Compile the graph again, or dispose it only after its last run.",
  });
}

/** A training program that says so when it is used after `dispose`. */
export function disposableTraining(program: TrainingProgram): TrainingProgram {
  return refuseAfterDisposal(program, {
    what: "This training program",
    remedy: "Read its state before, and compile the training again to go on.",
  });
}
