import type { FlatTree } from "@clip-ts/core";
import type { Batch } from "@clip-ts/data";
import type { HostArrays, LeafSettings, LeafStep, NamedTensors, TrainingState } from "@clip-ts/jit";
import type { Compiler } from "@clip-ts/node";
import { createSchedule, emaDecay, emaUpdate, type Optimizer, type Scalars } from "@clip-ts/optim";
import { dispose, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { diverged, isFiniteStep } from "./divergence.ts";
import { announceCompiling } from "./announce-compiling.ts";
import { onHost } from "./on-host.ts";
import type { SessionContents, TrainingSession } from "./session.ts";
import { givenTensors, lazyTensors } from "./step-batch.ts";
import { disposeState, storedSlots, type TrainState } from "./train-state.ts";
import type { StepParts } from "./train-step.ts";

async function toHost(tree: FlatTree<Tensor>): Promise<HostArrays> {
  const entries = Object.entries(tree).map(async ([path, leaf]) => {
    const data = (await leaf.data()) as Float32Array;
    return [path, { data, shape: leaf.shape }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function toTensors(arrays: HostArrays): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(arrays).map(([path, { data, shape }]) => [path, tensor(data, [...shape])]),
  );
}

/** The numbers that the update knows each leaf by. */
function settingsOf({ leaves, matrices }: Optimizer): Record<string, LeafSettings> {
  const settings = Object.entries(leaves).map(([path, leaf]) => {
    const isMatrix = Number(matrices.has(path));
    return [path, { ...leaf, isMatrix }] as const;
  });
  return Object.fromEntries(settings);
}

/** The optimiser's rule, within the leaf's bounds, and the moving average, for one stretch. */
function updateOf(optimizer: Optimizer, keepsEma: boolean): (leaf: LeafStep) => readonly Tensor[] {
  return ({ slots, settings, scalars: named, ...leaf }) => {
    const scalars = named as Scalars;
    const { weightDecay = 0, multiplier = 1, isMatrix = 0, ...bounds } = settings;
    const own = slots.slice(0, optimizer.slots.length);
    const [moved, ...remembered] = optimizer.updateLeaf({
      ...leaf,
      scalars,
      slots: own,
      weightDecay,
      multiplier,
      isMatrix: isMatrix === 1,
      ...bounds,
    });
    const param = moved as Tensor;
    if (!keepsEma) return [param, ...remembered];
    const average = { leaf: (slots.at(-1) as Tensor).clone() }; // emaUpdate consumes it
    const next = emaUpdate(average, { leaf: param }, scalars["emaDecay"] ?? 0);
    return [param, ...remembered, next["leaf"] as Tensor];
  };
}

/** What slots hold at the start, where that is not zeros: those are the program's own beginning. */
async function startingSlots(initial: TrainState): Promise<Record<string, HostArrays>> {
  const { step, ema } = initial;
  const isFresh = step === 0;
  const wanted = isFresh ? (ema === undefined ? {} : { ema }) : storedSlots(initial);
  const slots: Record<string, HostArrays> = {};
  for (const [slot, tree] of Object.entries(wanted)) slots[slot] = await toHost(tree);
  return slots;
}

/**
 * A session whose step is traced once for each shape of batch and runs compiled; the state stays with
 * the compiled program. Takes the initial state over.
 */
export async function createCompiledSession(
  { config, plan, optimizer, gradient, batchArrays }: StepParts,
  initial: TrainState,
  compileTraining: Compiler["compileTraining"],
): Promise<TrainingSession> {
  const keepsEma = config.ema !== undefined;
  const schedule = createSchedule({ ...config.schedule, steps: config.steps } as never);
  const program = await compileTraining({
    params: await toHost(initial.params),
    leaves: settingsOf(optimizer),
    slots: Object.keys(storedSlots(initial)),
    gradient: (leaves, batch) => gradient.of(leaves, givenTensors(batch)),
    accumulated: gradient.parts,
    update: updateOf(optimizer, keepsEma),
    whole: optimizer.matrices,
    exact: plan.exact,
    onCompile: announceCompiling,
    ...(config.gradClipNorm === undefined ? {} : { maxNorm: config.gradClipNorm }),
  });
  await program.writeState({ slots: await startingSlots(initial) });
  let step = initial.step;
  disposeState(initial);

  const contentsOf = ({ params, slots }: TrainingState): SessionContents => ({
    params: toTensors(params),
    slots: Object.fromEntries(Object.entries(slots).map(([slot, tree]) => [slot, toTensors(tree)])),
  });
  /** The gradients of the present state, operation by operation, for the message of a diverged run. */
  const gradientsNow = async (batch: HostArrays): Promise<NamedTensors> => {
    const { params } = await program.readState();
    return tidy(() => gradient.of(toTensors(params), lazyTensors(batch)).grads);
  };
  return {
    steps: () => step,
    async step(pairs: Batch) {
      const batch = await batchArrays(pairs, step);
      const learningRate = schedule(step);
      const average = keepsEma ? { emaDecay: emaDecay(config.ema?.decay ?? 0, step) } : {};
      const scalars = { ...optimizer.scalars(step, learningRate), ...average };
      const metrics = await program.run(batch, scalars);
      const { loss = Number.NaN, gradNorm = Number.NaN } = metrics;
      const facts = { step, loss, gradNorm, learningRate };
      if (!isFiniteStep(facts)) throw await diverged(facts, await gradientsNow(batch));
      step += 1;
      const { accuracy = Number.NaN, logitScale: scale = Number.NaN } = metrics;
      return { loss, gradNorm, accuracy, learningRate, logitScale: scale };
    },
    async withContents(use) {
      const state = await program.readState();
      const contents = await onHost(() => contentsOf(state));
      try {
        return await use(contents);
      } finally {
        dispose([contents.params, ...Object.values(contents.slots)] as never);
      }
    },
    dispose: () => void program.dispose(),
  };
}
