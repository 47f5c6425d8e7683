import { flattenTree, initParams, type FlatTree } from "@clip-ts/core";
import { emaInit, type Optimizer, type OptimizerSlots } from "@clip-ts/optim";
import type { ClipParams } from "@clip-ts/model";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { readStoredSlots } from "./stored-slots.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** Everything a step reads and replaces. */
export interface TrainState {
  /** Steps taken so far. */
  readonly step: number;
  /** Every leaf of the plan: those that learn and those that stay. */
  readonly params: FlatTree<Tensor>;
  readonly slots: OptimizerSlots;
  /** Moving average of the leaves that learn, if the run keeps one. */
  readonly ema?: FlatTree<Tensor>;
}

/** How a run's state is made up. */
export interface StateOptions {
  readonly plan: TrainingPlan;
  readonly optimizer: Optimizer;
  readonly keepsEma: boolean;
}

/** Those of the leaves that learn. */
export function trainedLeaves(
  plan: TrainingPlan,
  leaves: FlatTree<Tensor>,
): Record<string, Tensor> {
  const paths = Object.keys(plan.trained);
  return Object.fromEntries(paths.map((path) => [path, leaves[path] as Tensor]));
}

/** The state before the first step; takes the parameters over. */
export function freshState(
  model: ClipParams,
  seed: number,
  { plan, optimizer, keepsEma }: StateOptions,
): TrainState {
  const adapters = initParams(plan.adapters, seed) as Record<string, Tensor>;
  const params = { ...flattenTree<Tensor>(model), ...adapters };
  const ema = keepsEma ? { ema: emaInit(trainedLeaves(plan, params)) } : {};
  return { step: 0, params, slots: optimizer.init(), ...ema };
}

/** Trees stored beside the parameters in a checkpoint. */
export function storedSlots({ slots, ema }: TrainState): OptimizerSlots {
  return ema === undefined ? slots : { ...slots, ema };
}

/**
 * The state a checkpoint folder holds; takes the parameters over. With LoRA a checkpoint's weights have
 * the adapters in them: `base` brings the weights that these were added to, and is taken over as well.
 */
export async function restoredState(
  folder: string,
  models: { readonly saved: ClipParams; readonly base?: ClipParams },
  options: StateOptions & { readonly step: number },
): Promise<TrainState> {
  const { step, optimizer, keepsEma, plan } = options;
  const wanted = [...optimizer.slots, ...(keepsEma ? ["ema"] : []), ...(plan.lora ? ["lora"] : [])];
  const { ema, lora = {}, ...slots } = await readStoredSlots(folder, wanted, plan);
  const params = { ...flattenTree<Tensor>(models.saved), ...lora };
  const base = models.base === undefined ? {} : flattenTree<Tensor>(models.base);
  for (const path of plan.adapted) {
    params[path]?.dispose();
    params[path] = base[path] as Tensor;
    delete base[path];
  }
  dispose(base);
  return { step, params, slots, ...(ema === undefined ? {} : { ema }) };
}

/** Frees every tensor of the state. */
export function disposeState(state: TrainState): void {
  dispose([state.params, ...Object.values(storedSlots(state))] as never);
}
