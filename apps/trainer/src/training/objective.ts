import { valueAndGradient, type FlatTree } from "@clip-ts/core";
import type { Gradients } from "@clip-ts/jit";
import { cachedGradient } from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import type { Comparison } from "./compare-features.ts";
import { createLossParts, logitScaleOf, type MicroBatch } from "./loss-parts.ts";
import type { LazyBatch } from "./step-batch.ts";
import { trainedLeaves } from "./train-state.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** Loss, metrics, gradients of what learns, and statistics, as a function of leaves and a batch. */
export type Objective = (leaves: FlatTree<Tensor>, batch: LazyBatch) => Required<Gradients>;

const pairNames = ["pixelValues", "inputIds", "keptPatches", "keptHidden", "keptAttention"];

/** What begins the names of each micro-batch; nothing if the batch is whole. */
function prefixesOf(batch: LazyBatch): string[] {
  const parts = Object.keys(batch).filter((name) => name.endsWith("/inputIds"));
  return parts.length === 0 ? [""] : parts.map((_, index) => `${index}/`);
}

/** The micro-batches of a batch, made when asked for. */
function microBatches(batch: LazyBatch): (() => MicroBatch)[] {
  return prefixesOf(batch).map((prefix) => () => {
    const own = pairNames.flatMap((name) => {
      const make = batch[`${prefix}${name}`];
      return make === undefined ? [] : [[name, make()] as const];
    });
    return Object.fromEntries(own) as unknown as MicroBatch;
  });
}

/** Sets up the gradient of a run: of one batch, or exactly accumulated over micro-batches. */
export function createObjective(config: RunConfig, plan: TrainingPlan): Objective {
  const { compared, ...loss } = createLossParts(config, plan);
  return (leaves, batch) => {
    const trained = trainedLeaves(plan, leaves);
    const logitScale = logitScaleOf(leaves);
    const parts = microBatches(batch);
    if (parts.length > 1) {
      const outcome = cachedGradient({
        params: trained,
        compared,
        batches: parts,
        encode: (own, micro: MicroBatch, before) =>
          loss.encode({ ...leaves, ...own, ...before }, micro),
        compare: (own, features) => loss.compare({ ...leaves, ...own }, features, batch),
      });
      const { accuracy } = outcome.aux as Pick<Comparison, "accuracy">;
      const metrics = { accuracy, logitScale };
      return { loss: outcome.value, metrics, grads: outcome.gradient, statistics: outcome.aside };
    }
    const micro = (parts[0] as () => MicroBatch)();
    const { value, gradient, aux } = valueAndGradient((own: Record<string, Tensor>) => {
      const all = { ...leaves, ...own };
      const { features, aside = {} } = loss.encode(all, micro);
      const { loss: value, aux: seen } = loss.compare(all, features, batch);
      return { loss: value, aux: { ...seen, statistics: aside } };
    }, trained);
    const { accuracy, statistics } = aux as NonNullable<typeof aux>;
    return { loss: value, metrics: { accuracy, logitScale }, grads: gradient, statistics };
  };
}
