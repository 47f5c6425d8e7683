import type { HostArrays } from "@clip-ts/core";
import {
  createDriver,
  type Exchange,
  type GradientParts,
  type Gradients,
  type LeafRule,
  type LeafSettings,
  type LoadOptions,
  type LoadProgram,
  type NamedTensors,
  type Numbers,
  type Program,
  type ProgramState,
  type StepBatch,
} from "@clip-ts/jit";
import { clipFactor } from "@clip-ts/optim";

/** A training that a test writes down in one place. */
export interface TrainingSpec<Settings extends LeafSettings = LeafSettings> extends LoadOptions {
  readonly params: HostArrays;
  readonly leaves: LeafRule<Settings>["leaves"];
  readonly slots: readonly string[];
  /** Of a whole batch, arrays of pairs and others by their names. */
  gradient(params: NamedTensors, batch: NamedTensors): Gradients;
  readonly accumulated?: GradientParts;
  update: LeafRule<Settings>["move"];
  readonly whole?: ReadonlySet<string>;
  readonly maxNorm?: number;
  readonly exchange?: Exchange;
}

type State = Omit<ProgramState, "gradients">;

/** A training on an engine. */
export interface TrainingOnEngine {
  readonly program: Program;
  /** A whole batch, or one in parts. */
  run(batch: HostArrays | StepBatch, scalars: Numbers): Promise<Numbers>;
  readState(): Promise<State>;
  writeState(state: Partial<State>): Promise<void>;
  dispose(): Promise<void>;
}

const isInParts = (batch: HostArrays | StepBatch): batch is StepBatch => Array.isArray((batch as StepBatch).parts);

/** Puts a training on an engine. */
export async function trainOn<Settings extends LeafSettings>(
  load: LoadProgram,
  spec: TrainingSpec<Settings>,
): Promise<TrainingOnEngine> {
  // Taken apart, so that no function made here keeps the starting parameters.
  const { params, leaves, slots, gradient, update, whole, maxNorm, accumulated } = spec;
  const { maxCompiled, onCompile, exchange } = spec;
  const rule: LeafRule<Settings> = {
    leaves,
    slots,
    move: update,
    ...(whole !== undefined && { whole }),
    ...(maxNorm !== undefined && { clip: (norm) => clipFactor(norm, maxNorm) }),
  };
  const program = await load(
    {
      gradient: (given, pairs, shared) => gradient(given, { ...pairs, ...shared }),
      ...(accumulated !== undefined && { parts: accumulated }),
      update: rule,
    },
    { params },
    { maxCompiled, onCompile },
  );
  const driver = createDriver(program, { parts: accumulated, exchange });
  return {
    program,
    run: (batch, scalars) => driver.step(isInParts(batch) ? batch : { parts: [batch], shared: {} }, scalars),
    readState: async () => ({
      params: await program.read("params"),
      slots: await program.read("slots"),
    }),
    writeState: (state) => program.write(state),
    dispose: () => program.dispose(),
  };
}
