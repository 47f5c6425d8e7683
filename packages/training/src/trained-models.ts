import { pickLeaves, type HostArrays } from "@clip-ts/core";
import { mergeLoraArrays } from "@clip-ts/optim";
import type { TrainingState } from "./create-training.ts";
import { emaSlot } from "./step-functions.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** What a training makes: the model itself, and its moving average if there is one; leaves by path. */
export interface TrainedModels {
  readonly model: HostArrays;
  readonly ema?: HostArrays;
}

/** The model's own leaves, adapters added in. Leaves without one are the given arrays themselves. */
function merged({ model, adapters, lora }: TrainingPlan, leaves: HostArrays): HostArrays {
  const own = pickLeaves(leaves, Object.keys(model));
  return lora === undefined
    ? own
    : mergeLoraArrays(own, pickLeaves(leaves, Object.keys(adapters)), lora);
}

/** The models of a state. They share its arrays. */
export function trainedModels(
  plan: TrainingPlan,
  { params, slots: { [emaSlot]: average } }: Pick<TrainingState, "params" | "slots">,
): TrainedModels {
  return {
    model: merged(plan, params),
    ...(average !== undefined && { ema: merged(plan, { ...params, ...average }) }),
  };
}
