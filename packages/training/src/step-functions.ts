import type { LeafSettings, LeafStep, StepFunctions } from "@clip-ts/jit";
import type { Objective, Rows } from "@clip-ts/model";
import { clipFactor, emaUpdate, type Optimizer } from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";
import { gradientFunctions } from "./gradient-functions.ts";
import { modelParams, ownParams, type TrainingPlan } from "./training-plan.ts";

/** The name of the moving average among what is remembered of each leaf. */
export const emaSlot = "ema";

/** The number by which a step tells how slowly the moving average changes. */
export const emaDecayScalar = "emaDecay";

/** What a step is made of, whatever runs it. */
export interface StepParts<Params extends object, Batch extends object, Shared extends object> {
  readonly objective: Objective<Params, Batch, Rows, Shared>;
  readonly plan: TrainingPlan<Params>;
  readonly optimizer: Optimizer;
  readonly clipNorm: number | undefined;
  readonly keepsEma: boolean;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint: boolean;
}

/** The numbers that the update knows each leaf by. */
function settingsOf({ leaves, matrices }: Optimizer): Record<string, LeafSettings> {
  const settings = Object.entries(leaves).map(([path, leaf]) => {
    const isMatrix = Number(matrices.has(path));
    return [path, { ...leaf, isMatrix }] as const;
  });
  return Object.fromEntries(settings);
}

/** The optimiser's rule, within the leaf's bounds, and the moving average, for one leaf or stretch. */
function moveWith(optimizer: Optimizer, keepsEma: boolean): (leaf: LeafStep) => readonly Tensor[] {
  return ({ slots, settings, ...leaf }) => {
    const { weightDecay = 0, multiplier = 1, isMatrix = 0, ...bounds } = settings;
    const [param, ...remembered] = optimizer.updateLeaf({
      ...leaf,
      slots: slots.slice(0, optimizer.slots.length),
      weightDecay,
      multiplier,
      isMatrix: isMatrix === 1,
      ...bounds,
    }) as [Tensor, ...Tensor[]];
    if (!keepsEma) return [param, ...remembered];
    const average = { leaf: (slots.at(-1) as Tensor).clone() }; // emaUpdate consumes it
    const next = emaUpdate(average, { leaf: param }, leaf.scalars[emaDecayScalar] ?? 0);
    return [param, ...remembered, next["leaf"] as Tensor];
  };
}

/** A training step as pure functions: encode, compare, pull back, update. */
export function stepFunctions<Params extends object, Batch extends object, Shared extends object>(
  parts: StepParts<Params, Batch, Shared>,
): StepFunctions & Required<Pick<StepFunctions, "parts">> {
  const { objective, plan, optimizer, clipNorm, keepsEma, checkpoint } = parts;
  return {
    ...gradientFunctions(objective, {
      trained: Object.keys(plan.trained),
      model: (leaves) => modelParams(plan, leaves),
      compared: (leaves) => ownParams(plan, leaves),
      options: { training: plan.updatesStatistics, checkpoint, frozen: plan.isFrozen },
    }),
    exact: plan.exact,
    update: {
      leaves: settingsOf(optimizer),
      slots: keepsEma ? [...optimizer.slots, emaSlot] : optimizer.slots,
      ...(clipNorm !== undefined && { clip: (norm) => clipFactor(norm, clipNorm) }),
      move: moveWith(optimizer, keepsEma),
      whole: optimizer.matrices,
    },
  };
}
