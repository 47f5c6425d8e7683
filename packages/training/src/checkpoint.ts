import { pickLeaves, type HostArrays } from "@clip-ts/core";
import type { TrainingState } from "./create-training.ts";
import { trainedModels, type TrainedModels } from "./trained-models.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** The name of the adapters among a checkpoint's slots. */
const loraSlot = "lora";

/** What files keep of a training: models that can be used as they are, and what going on takes besides. */
export interface TrainingCheckpoint extends TrainedModels {
  readonly step: number;
  /** What is remembered of each leaf that learns, by slot, then by path; the adapters as `lora`. */
  readonly slots: Readonly<Record<string, HostArrays>>;
  /** The adapters by path; none without LoRA. */
  readonly adapters: HostArrays;
}

/** What a checkpoint of a training holds. It shares the state's arrays. */
export function checkpointOf(plan: TrainingPlan, state: TrainingState): TrainingCheckpoint {
  const { step, params, slots } = state;
  const adapters = pickLeaves(params, Object.keys(plan.adapters));
  const all = plan.lora === undefined ? slots : { ...slots, [loraSlot]: adapters };
  return { step, ...trainedModels(plan, state), slots: all, adapters };
}

/** Names of the slots of a checkpoint, given those of a training's state. */
export const checkpointSlots = (plan: TrainingPlan, slots: readonly string[]): readonly string[] =>
  plan.lora === undefined ? slots : [...slots, loraSlot];

/**
 * The state that a checkpoint holds. With LoRA a checkpoint's model has the adapters in it: `base` brings
 * the weights that these were added to.
 */
export function stateOf(
  plan: TrainingPlan,
  { step, model, slots }: Pick<TrainingCheckpoint, "step" | "model" | "slots">,
  base: HostArrays = model,
): TrainingState {
  const { [loraSlot]: adapters = {}, ...own } = slots;
  const adapted = pickLeaves(base, plan.adapted);
  return { step, params: { ...model, ...adapters, ...adapted }, slots: own };
}
