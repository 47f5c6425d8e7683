import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../trace/trace.ts";
import type { HostArrays } from "./host-array.ts";
import type { LeafSettings } from "./leaf-layout.ts";

/** What a training step computes from parameters and a batch. */
export interface Gradients {
  readonly loss: Tensor;
  /** Further scalars worth reporting. */
  readonly metrics?: NamedTensors;
  /** One for every leaf that is trained, by path. */
  readonly grads: NamedTensors;
  /** What parameters that are not trained become, by path: running statistics. */
  readonly statistics?: NamedTensors;
}

/** A stretch of the trained parameters, to be moved by one step. All tensors have the same shape. */
export interface LeafStep<Settings extends LeafSettings = LeafSettings> {
  readonly param: Tensor;
  /** After clipping. */
  readonly grad: Tensor;
  /** In the order of `TrainingSpec.slots`. */
  readonly slots: readonly Tensor[];
  /** The step's numbers, as scalar tensors. */
  readonly scalars: Readonly<Record<string, Scalar>>;
  readonly settings: Settings;
}

/** Training as pure functions of tensors, to be compiled. */
export interface TrainingSpec<Settings extends LeafSettings = LeafSettings> {
  /** Where training starts, by path; copied. */
  readonly params: HostArrays;
  /** The parameters that are trained, with the numbers `update` knows them by. The others stay. */
  readonly leaves: Readonly<Record<string, Settings>>;
  /** Names of what the rule remembers for each parameter; zeros at first. */
  readonly slots: readonly string[];
  /** Traced once for every combination of shapes in a batch. */
  gradient(params: NamedTensors, batch: NamedTensors): Gradients;
  /**
   * The new parameters, then the new slots. Must treat every element alike: it is traced on stretches
   * that span several leaves.
   */
  update(step: LeafStep<Settings>): readonly Tensor[];
  /** Gradients are scaled down to this length, all taken as one vector; not at all by default. */
  readonly maxNorm?: number;
  /** How many compiled shapes of batches are kept, each with its memory; 3 by default. */
  readonly maxCompiled?: number;
  /** Told when the step is compiled for batches of new shapes. @returns what to call when that is done. */
  readonly onCompile?: (shapes: string) => () => void;
}

/** Everything a run needs to continue. */
export interface TrainingState {
  readonly params: HostArrays;
  /** By slot, then by path. */
  readonly slots: Readonly<Record<string, HostArrays>>;
}

/** A compiled training step with its state. One step at a time. */
export interface TrainingProgram {
  /**
   * One step. Takes the batch and the step's numbers, such as the learning rate, and gives `loss`, the
   * metrics and `gradNorm`, the gradient's length before clipping. If loss or norm is not finite, the
   * state stays as it was.
   */
  run(
    batch: HostArrays,
    scalars: Readonly<Record<string, number>>,
  ): Promise<Readonly<Record<string, number>>>;
  /** The state; on the host it is the live memory, to be used before the next step. */
  readState(): Promise<TrainingState>;
  /** Copies this state in; leaves that are left out stay. */
  writeState(state: Partial<TrainingState>): Promise<void>;
  /** Frees what the runtime holds. */
  dispose(): Promise<void>;
}
