import type { FlatTree } from "@clip-ts/core";
import type { Batch } from "@clip-ts/data";
import {
  clipByGlobalNorm,
  createSchedule,
  emaDecay,
  emaUpdate,
  type Optimizer,
} from "@clip-ts/optim";
import { dispose, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import { diverged, isFiniteStep } from "./divergence.ts";
import type { StepMetrics } from "./session.ts";
import { lazyTensors, type BatchArrays } from "./step-batch.ts";
import type { StepGradient } from "./step-gradient.ts";
import { trainedLeaves, type TrainState } from "./train-state.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** One optimiser step: consumes the state, returns the next. */
export type TrainStep = (
  state: TrainState,
  batch: Batch,
) => Promise<{ readonly state: TrainState; readonly metrics: StepMetrics }>;

/** What a step is made of, whatever runs it. */
export interface StepParts {
  readonly config: RunConfig;
  readonly plan: TrainingPlan;
  readonly optimizer: Optimizer;
  readonly gradient: StepGradient;
  readonly batchArrays: BatchArrays;
}

/** The only number in a tensor; none if an objective does not report it. */
const read = async (scalar: Tensor | undefined): Promise<number> =>
  scalar === undefined ? Number.NaN : ((await scalar.data())[0] as number);

/** The state after a step. Consumes the old state's leaves that change. */
function nextState(
  parts: StepParts,
  state: TrainState,
  update: { readonly grads: FlatTree<Tensor>; readonly learningRate: number } & {
    readonly statistics: FlatTree<Tensor>;
  },
): TrainState {
  const { plan, optimizer } = parts;
  const { params: learnt, slots } = optimizer.update({
    params: trainedLeaves(plan, state.params),
    grads: update.grads,
    slots: state.slots,
    scalars: optimizer.scalars(state.step, update.learningRate),
  });
  for (const path of Object.keys(update.statistics)) state.params[path]?.dispose();
  const params = { ...state.params, ...learnt, ...update.statistics };
  const decay = emaDecay(parts.config.ema?.decay ?? 0, state.step);
  const average = state.ema === undefined ? {} : { ema: emaUpdate(state.ema, learnt, decay) };
  return { step: state.step + 1, params, slots, ...average };
}

/** Builds the step of a run: gradient, clip, update within bounds, average. */
export function createTrainStep(parts: StepParts): TrainStep {
  const { config, gradient, batchArrays } = parts;
  const schedule = createSchedule({ ...config.schedule, steps: config.steps } as never);
  const maxNorm = config.gradClipNorm ?? Number.POSITIVE_INFINITY;

  return async (state, batch) => {
    const arrays = await batchArrays(batch, state.step);
    const outcome = tidy(() => gradient.of(state.params, lazyTensors(arrays)));
    const { grads, norm } = clipByGlobalNorm(outcome.grads, maxNorm);
    const [loss, gradNorm] = [await read(outcome.loss), await read(norm)];
    const accuracy = await read(outcome.metrics["accuracy"]);
    const logitScale = await read(outcome.metrics["logitScale"]);
    const learningRate = schedule(state.step);
    const facts = { step: state.step, loss, gradNorm, learningRate };
    if (!isFiniteStep(facts)) throw await diverged(facts, outcome.grads);

    const next = nextState(parts, state, { grads, learningRate, statistics: outcome.statistics });
    dispose([outcome.loss, { ...outcome.metrics }, outcome.grads, grads, norm]);
    return { state: next, metrics: { loss, accuracy, gradNorm, learningRate, logitScale } };
  };
}
