import type { HostArray, HostArrays } from "@clip-ts/core";
import { numbersOf, specsOf } from "./batch.ts";
import type { FlatState } from "./flat-state.ts";
import type { Numbers } from "./program.ts";
import type { StepFunctions } from "./step-functions.ts";
import type { StepSource } from "./step-traces.ts";
import type { Target } from "./target.ts";

/** What the gradients of a step are compiled from, and where they are written. */
export interface FlatSource {
  readonly functions: StepFunctions;
  readonly state: FlatState;
  readonly target: Target;
}

/** What its functions are traced from. */
export const traced = ({ functions, state }: FlatSource): StepSource => ({
  functions,
  params: specsOf(state.params),
});

/** Loss and metrics. */
export const reportedBy = ({ loss, metric }: { readonly loss: HostArray; readonly metric: HostArrays }): Numbers =>
  numbersOf({ loss, ...metric });
