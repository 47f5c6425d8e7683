import { flattenTree, unflattenLike, valueAndGradient, type ParamSpec } from "@clip-ts/core";
import {
  clipSpec,
  forward,
  type ClipConfig,
  type ClipParams,
  type PairBatch,
} from "@clip-ts/model";
import { clampLogitScale } from "@clip-ts/projection";
import {
  clipByGlobalNorm,
  createSchedule,
  emaDecay,
  emaUpdate,
  type Optimizer,
} from "@clip-ts/optim";
import { dispose, tensor, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { Batch } from "@clip-ts/data";
import type { RunConfig } from "../config/schema.ts";
import { diverged, isFiniteStep } from "./divergence.ts";
import type { StepMetrics } from "./session.ts";
import type { TrainState } from "./train-state.ts";

/** One optimiser step: consumes the state, returns the next. */
export type TrainStep = (
  state: TrainState,
  batch: Batch,
) => Promise<{ readonly state: TrainState; readonly metrics: StepMetrics }>;

function batchTensors(batch: Batch): PairBatch {
  const { batch: rows, imageSize, tokens } = batch;
  return {
    pixelValues: tensor(batch.pixelValues, [rows, 3, imageSize, imageSize], "float32"),
    inputIds: tensor(batch.inputIds, [rows, tokens], "int32"),
  };
}

/** Builds the step of a run: gradient, clip, update, clamp, average. */
export function createTrainStep(
  config: RunConfig,
  clip: ClipConfig,
  optimizer: Optimizer,
): TrainStep {
  const spec = clipSpec(clip);
  const schedule = createSchedule({ ...config.schedule, steps: config.steps } as never);
  const maxNorm = config.gradClipNorm ?? Number.POSITIVE_INFINITY;

  return async (state, hostBatch) => {
    const batch = batchTensors(hostBatch);
    const tree = unflattenLike<object, ParamSpec, Tensor>(spec, state.params) as ClipParams;
    const { value, gradient, aux } = valueAndGradient((params: ClipParams) => {
      const { loss, accuracy } = forward(params, batch, clip);
      return { loss, aux: { accuracy } };
    }, tree);
    const raw = flattenTree<Tensor>(gradient);
    const { grads, norm } = clipByGlobalNorm(raw, maxNorm);
    const read = async (scalar: Scalar | Tensor): Promise<number> =>
      (await scalar.data())[0] as number;
    const [loss, gradNorm] = [await read(value), await read(norm)];
    const accuracy = await read(aux?.accuracy as Scalar);
    const logitScale = await read(state.params["logit_scale"] as Tensor);
    const learningRate = schedule(state.step);
    const facts = { step: state.step, loss, gradNorm, learningRate };
    if (!isFiniteStep(facts)) throw await diverged(facts, raw);

    const scalars = optimizer.scalars(state.step, learningRate);
    const { params, slots } = optimizer.update({ ...state, grads, scalars });
    const unclamped = params["logit_scale"] as Tensor;
    const clamped = clampLogitScale(unclamped);
    params["logit_scale"] = clamped;
    const decay = emaDecay(config.ema?.decay ?? 0, state.step);
    const average = state.ema === undefined ? {} : { ema: emaUpdate(state.ema, params, decay) };
    dispose([batch, value, norm, aux, raw, grads, unclamped] as never);
    return {
      state: { step: state.step + 1, params, slots, ...average },
      metrics: { loss, accuracy, gradNorm, learningRate, logitScale },
    };
  };
}
