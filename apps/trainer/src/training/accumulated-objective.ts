import type { FlatTree } from "@clip-ts/core";
import type { AccumulatedGradient } from "@clip-ts/jit";
import { differentiateRows, pullBackRows } from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import { createLossParts, logitScaleOf, type MicroBatch } from "./loss-parts.ts";
import { givenTensors } from "./step-batch.ts";
import { trainedLeaves } from "./train-state.ts";
import type { TrainingPlan } from "./training-plan.ts";

/**
 * The gradient that `createObjective` accumulates over micro-batches, in parts that do not depend on
 * their number: compiled programs run these in a loop.
 */
export function createAccumulatedObjective(
  config: RunConfig,
  plan: TrainingPlan,
): AccumulatedGradient {
  const { compared, encode, compare } = createLossParts(config, plan);
  const isCompared = new Set(compared);
  const learning = (leaves: FlatTree<Tensor>, wanted: boolean): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(trainedLeaves(plan, leaves)).filter(
        ([path]) => isCompared.has(path) === wanted,
      ),
    );
  return {
    compared,
    encode(leaves, batch) {
      const { features, aside = {} } = encode(leaves, batch as MicroBatch);
      return { features, statistics: aside };
    },
    compare(leaves, features, batch) {
      const { value, cotangents, gradient, aux } = differentiateRows(
        (own, rows) => compare({ ...leaves, ...own }, rows, givenTensors(batch)),
        learning(leaves, true),
        features,
      );
      const metrics = { ...aux, logitScale: logitScaleOf(leaves) };
      return { loss: value, metrics, cotangents, grads: gradient };
    },
    pullBack: (leaves, batch, cotangents) =>
      pullBackRows(
        (own) => encode({ ...leaves, ...own }, batch as MicroBatch),
        learning(leaves, false),
        cotangents,
      ),
  };
}
