import { unflattenLike, type FlatTree } from "@clip-ts/core";
import type { ClipParams, Objective, PairInputs, Rows, SharedInputs } from "@clip-ts/model";
import {
  accumulateGradient,
  gradientParts,
  wholeGradient,
  type GradientParts,
  type LeafGradient,
  type LeafObjective,
  type Tensors,
} from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LazyBatch } from "./step-batch.ts";
import { modelParams, type TrainingPlan } from "./training-plan.ts";

/** An objective of a CLIP, whatever rows it compares. */
export type RunObjective = Objective<ClipParams, PairInputs, Rows, SharedInputs>;

/** The gradient of a run's objective by what learns. */
export interface StepGradient {
  /** Of one batch, or exactly accumulated over the micro-batches that it comes in. */
  of(leaves: FlatTree<Tensor>, batch: LazyBatch): LeafGradient;
  /** The same in parts that do not depend on the number of micro-batches. */
  readonly parts: GradientParts;
}

/** An objective as a function of the leaves that a run's state holds. */
function leafObjective(
  objective: RunObjective,
  plan: TrainingPlan,
  checkpoint: boolean,
): LeafObjective {
  const options = { training: plan.updatesStatistics, checkpoint, frozen: plan.isFrozen };
  return {
    compared: objective.inputs.compared,
    encode: (leaves, batch) =>
      objective.encode(modelParams(plan, leaves), batch as Tensors & PairInputs, options),
    compare(leaves, rows, shared) {
      const params = unflattenLike(plan.template, leaves) as ClipParams;
      return objective.compare(params, rows, shared);
    },
  };
}

/** Those of a batch's tensors that are there, made now. */
function given(names: readonly string[], batch: LazyBatch, prefix = ""): Tensors {
  const own = names.flatMap((name) => {
    const make = batch[`${prefix}${name}`];
    return make === undefined ? [] : [[name, make()] as const];
  });
  return Object.fromEntries(own);
}

/** What begins the names of each micro-batch; none if the batch is whole. */
function prefixesOf(batch: LazyBatch): string[] {
  const prefixes = Object.keys(batch).flatMap((name) => /^\d+\//u.exec(name) ?? []);
  return [...new Set(prefixes)];
}

/** Sets up the gradient of a run's objective. */
export function createStepGradient(
  objective: RunObjective,
  plan: TrainingPlan,
  { checkpoint }: { readonly checkpoint: boolean },
): StepGradient {
  const { pairs, shared } = objective.inputs;
  const trained = Object.keys(plan.trained);
  const ofLeaves = leafObjective(objective, plan, checkpoint);
  const parts = gradientParts(ofLeaves, trained);
  const whole = wholeGradient(ofLeaves, trained);
  return {
    parts,
    of(leaves, batch) {
      const all = given(shared, batch);
      const prefixes = prefixesOf(batch);
      if (prefixes.length < 2) return whole(leaves, given(pairs, batch, prefixes[0]), all);
      const micro = prefixes.map((prefix) => () => given(pairs, batch, prefix));
      return accumulateGradient(parts, leaves, { parts: micro, shared: all });
    },
  };
}
