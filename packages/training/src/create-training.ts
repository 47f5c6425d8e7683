import { refuseAfterDisposal } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import {
  createDriver,
  isFiniteStep,
  loadEager,
  type DriveOptions,
  type Exchange,
  type LoadProgram,
  type LocalOptions,
  type Numbers,
  type Program,
  type StepBatch,
  type StepFunctions,
} from "@clip-ts/jit";
import type { Bounds, Objective, Rows } from "@clip-ts/model";
import {
  createOptimizer,
  createSchedule,
  emaDecay,
  type Optimizer,
  type OptimizerConfig,
  type ScheduleConfig,
} from "@clip-ts/optim";
import { diverged } from "./guards.ts";
import { checkNumbers, startingState, trainedModels, type TrainedModels } from "./checkpoint.ts";
import { drawInputs } from "./draw-inputs.ts";
import { pickPresent, splitBatch } from "./split-batch.ts";
import { emaDecayScalar, emaSlot, slotShapesOf, stepFunctions } from "./step-functions.ts";
import { planTraining, type LearningOptions, type SpecsOf, type TrainingPlan } from "./training-plan.ts";

/** What a training reads and replaces: enough to go on from it as if nothing had happened. */
export interface TrainingState {
  /** Steps taken so far. */
  readonly step: number;
  /** Every leaf by path: those that learn and those that stay, adapters among them. */
  readonly params: HostArrays;
  /** What the optimiser remembers of the leaves that learn, by slot; the moving average as `ema`. */
  readonly slots: Readonly<Record<string, HostArrays>>;
}

/** What runs the steps. */
export interface TrainingEngine {
  readonly load: LoadProgram;
}

/** What a training is made of. */
export interface TrainingOptions<
  Params extends object,
  Batch extends object,
  Shared extends object,
> extends LearningOptions {
  readonly objective: Objective<Params, Batch, Rows, Shared>;
  /** Every parameter of the model: `clipSpec(config)`, say. */
  readonly spec: SpecsOf<Params>;
  /** Where the model starts, by path: those left out are drawn from the seed. */
  readonly params?: HostArrays | undefined;
  /** Of what is drawn: starting values, adapters, dropout. 0 by default. */
  readonly seed?: number | undefined;
  /** AdamW with CLIP's settings by default. */
  readonly optimizer?: OptimizerConfig | undefined;
  readonly schedule: ScheduleConfig;
  /** Longest gradient, all leaves taken as one vector; no bound by default. */
  readonly clipNorm?: number | undefined;
  /** Keeps a moving average of what learns. */
  readonly ema?: { readonly decay: number } | undefined;
  /** Micro-batches that each batch is split into; the step stays that of the whole batch. 1 by default. */
  readonly accumulate?: number | undefined;
  /** Values that parameters keep to, by path; those of the objective by default. */
  readonly bounds?: Readonly<Record<string, Bounds>> | undefined;
  /** Gradient checkpointing: blocks are computed again instead of kept; false by default. */
  readonly checkpointing?: boolean | undefined;
  /** Runs the functions one by one on tfjs's engine by default. */
  readonly engine?: TrainingEngine | undefined;
  /** Other programs that learn from the same batches; see `Exchange`. */
  readonly exchange?: Exchange | undefined;
  /**
   * Whether each of several ranks compares no more than its own pairs with those of all, so that none holds the matrix
   * of all pairs: open_clip's `--local-loss`, with the gradients of `--gather-with-grad`. By default ("auto") it does
   * from 4,096 pairs of all ranks on if the objective has such a form.
   */
  readonly localLoss?: LocalOptions["localLoss"];
  /** Where an earlier training stood. Wins over `params`. */
  readonly state?: TrainingState | undefined;
  /** Told when a step is compiled for batches of new shapes. @returns what to call when that is done. */
  readonly onCompile?: ((shapes: string) => () => void) | undefined;
}

/** What a step tells: `loss`, `gradNorm` before clipping, `learningRate`, and the objective's metrics. */
export type StepNumbers = Numbers & Readonly<Record<"loss" | "gradNorm" | "learningRate", number>>;

/** A model being trained; its state lives wherever the engine wants it. */
export interface Training<Params extends object = object> {
  readonly plan: TrainingPlan<Params>;
  /** Steps taken so far. */
  steps(): number;
  /**
   * One optimiser step on these arrays, by the names that the objective reads. Borrows them.
   * @throws ClipError "diverged" if loss or gradient is not finite, with the state as it was before.
   */
  step(batch: HostArrays): Promise<StepNumbers>;
  /** The state; on the host it may be the live memory, to be used before the next step. */
  read(): Promise<TrainingState>;
  /** Goes on from another state, which is copied. */
  write(state: TrainingState): Promise<void>;
  /** The models as they are now, adapters added in, for whoever measures or saves them. */
  evaluate<Result>(measure: (models: TrainedModels) => Promise<Result> | Result): Promise<Result>;
  /** Frees the state. */
  dispose(): Promise<void>;
}

/** What every step uses. */
interface StepContext {
  readonly functions: StepFunctions;
  readonly program: Program;
  readonly driving: Pick<DriveOptions, "exchange" | "localLoss">;
  scalars(step: number): { readonly learningRate: number; readonly scalars: Numbers };
}

/** For a step that is taken again: its numbers have been told. */
const withoutNumbers = (exchange: Exchange): Exchange => ({
  rank: exchange.rank,
  size: exchange.size,
  gather: (rows) => exchange.gather(rows),
  sum: (gradients) => exchange.sum(gradients),
});

/** The gradients of the present state, operation by operation, for the message of a diverged training. */
async function gradientsNow(
  { functions, program, driving: { exchange, localLoss } }: StepContext,
  batch: StepBatch,
  scalars: Numbers,
): Promise<HostArrays> {
  const eager = await loadEager(functions, { params: await program.read("params") });
  try {
    const driving = { exchange: exchange && withoutNumbers(exchange), localLoss };
    await createDriver(eager, { ...functions, ...driving }).step(batch, scalars);
    return await eager.read("gradients");
  } finally {
    await eager.dispose();
  }
}

/** The host's numbers of each step. */
function scalarsWith(
  optimizer: Optimizer,
  { schedule, ema }: { readonly schedule: ScheduleConfig; readonly ema?: { readonly decay: number } | undefined },
): StepContext["scalars"] {
  const rate = createSchedule(schedule);
  return (step) => {
    const learningRate = rate(step);
    const average = ema === undefined ? {} : { [emaDecayScalar]: emaDecay(ema.decay, step) };
    return { learningRate, scalars: { ...optimizer.scalars(step, learningRate), ...average } };
  };
}

/** What the state of a training holds. */
export interface StateLayout<Params extends object> {
  readonly plan: TrainingPlan<Params>;
  /** Names of what is remembered of each leaf that learns. */
  readonly slots: readonly string[];
  /** The shape of what a slot remembers of a leaf. */
  readonly slotShape: (slot: string, path: string) => readonly number[];
}

/** What learns and by what rule. */
function settle<Params extends object, Batch extends object, Shared extends object>(
  options: TrainingOptions<Params, Batch, Shared>,
): StateLayout<Params> & { readonly optimizer: Optimizer } {
  const plan = planTraining<Params>(options.spec, options);
  const { optimizer: config = { kind: "adamw" }, bounds = options.objective.bounds } = options;
  const optimizer = createOptimizer(config, plan.trained, bounds);
  const slots = options.ema === undefined ? optimizer.slots : [...optimizer.slots, emaSlot];
  return { plan, slots, slotShape: slotShapesOf(optimizer, plan), optimizer };
}

/** What the state of such a training holds, for those who put it together from files. */
export function stateLayout<Params extends object, Batch extends object, Shared extends object>(
  options: TrainingOptions<Params, Batch, Shared>,
): StateLayout<Params> {
  const { plan, slots, slotShape } = settle(options);
  return { plan, slots, slotShape };
}

/** Puts a step on an engine. A function of its own, so that nothing holds where it starts once it returns. */
async function beginWith<Params extends object, Batch extends object, Shared extends object>(
  functions: StepFunctions,
  { plan, ...layout }: StateLayout<Params>,
  options: TrainingOptions<Params, Batch, Shared>,
): Promise<{ readonly program: Program; readonly at: number }> {
  const { load } = options.engine ?? { load: loadEager };
  const { step, ...start } = startingState(plan, options, layout);
  const { onCompile } = options;
  return { program: await load(functions, start, { onCompile }), at: step };
}

/**
 * Begins a training, or goes on with one. The objective says what is made small, the engine how it is
 * computed; the step is the same on all of them: encode, compare, pull back, update. The caller disposes it.
 * @throws ClipError "bad-argument" or "bad-config" that names the option, leaf or slot that does not fit.
 */
export async function createTraining<Params extends object, Batch extends object, Shared extends object>(
  options: TrainingOptions<Params, Batch, Shared>,
): Promise<Training<Params>> {
  const { objective, seed = 0, accumulate = 1, exchange } = options;
  checkNumbers(options);
  const { plan, slots, slotShape, optimizer } = settle(options);
  const functions = stepFunctions({
    objective,
    plan,
    optimizer,
    clipNorm: options.clipNorm,
    keepsEma: options.ema !== undefined,
    checkpoint: options.checkpointing ?? false,
  });
  const { program, at } = await beginWith(functions, { plan, slots, slotShape }, options);
  let step = at;
  const driving = { exchange, localLoss: options.localLoss };
  const driver = createDriver(program, { ...functions, ...driving });
  const context = { functions, program, driving, scalars: scalarsWith(optimizer, options) };
  const { draws, inputs } = objective;
  const source = draws && { draws, frozen: plan.isFrozen, seed, exchange };
  const read = async (): Promise<TrainingState> => ({
    step,
    params: await program.read("params"),
    slots: await program.read("slots"),
  });
  const training: Omit<Training<Params>, "steps" | "plan"> = {
    async step(arrays) {
      objective.check?.(arrays);
      const drawn = source && drawInputs(source, step, pickPresent(arrays, inputs.pairs));
      const batch = splitBatch({ ...arrays, ...drawn }, inputs, accumulate);
      const { learningRate, scalars } = context.scalars(step);
      const numbers = await driver.step(batch, scalars);
      const { loss = Number.NaN, gradNorm = Number.NaN } = numbers;
      if (!isFiniteStep(numbers)) {
        const gradients = await gradientsNow(context, batch, scalars);
        throw diverged({ step, loss, gradNorm, learningRate }, gradients);
      }
      step += 1;
      return { ...numbers, loss, gradNorm, learningRate };
    },
    read,
    async write(state) {
      const { step: next, ...kept } = startingState(plan, { state }, { slots, slotShape });
      await program.write(kept);
      step = next;
    },
    evaluate: async (measure) => measure(trainedModels(plan, await read())),
    dispose: () => program.dispose(),
  };
  const used = refuseAfterDisposal(training, {
    what: "This training",
    remedy: "Begin another from the state that was read before.",
  });
  return { plan, steps: () => step, ...used };
}
