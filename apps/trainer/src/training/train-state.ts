import { flattenTree, type FlatTree } from "@clip-ts/core";
import { emaInit, type Optimizer, type OptimizerSlots } from "@clip-ts/optim";
import type { ClipParams } from "@clip-ts/model";
import { readSlots } from "@clip-ts/node";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";

/** Everything a step reads and replaces. */
export interface TrainState {
  /** Steps taken so far. */
  readonly step: number;
  readonly params: FlatTree<Tensor>;
  readonly slots: OptimizerSlots;
  /** Moving average of the parameters, if the run keeps one. */
  readonly ema?: FlatTree<Tensor>;
}

/** The state before the first step; takes the parameters over. */
export function freshState(
  params: ClipParams,
  optimizer: Optimizer,
  keepsEma: boolean,
): TrainState {
  const flat = flattenTree<Tensor>(params);
  const ema = keepsEma ? { ema: emaInit(flat) } : {};
  return { step: 0, params: flat, slots: optimizer.init(), ...ema };
}

/** Trees stored beside the parameters in a checkpoint. */
export function storedSlots({ slots, ema }: TrainState): OptimizerSlots {
  return ema === undefined ? slots : { ...slots, ema };
}

/** The state a checkpoint folder holds; takes the parameters over. */
export async function restoredState(
  folder: string,
  params: ClipParams,
  options: { step: number; optimizer: Optimizer; keepsEma: boolean },
): Promise<TrainState> {
  const { step, optimizer, keepsEma } = options;
  const stored = await readSlots(folder, [...optimizer.slots, ...(keepsEma ? ["ema"] : [])]);
  const { ema, ...slots } = stored;
  const average = ema === undefined ? {} : { ema };
  return { step, params: flattenTree<Tensor>(params), slots, ...average };
}

/** Frees every tensor of the state. */
export function disposeState(state: TrainState): void {
  dispose([state.params, ...Object.values(storedSlots(state))] as never);
}
