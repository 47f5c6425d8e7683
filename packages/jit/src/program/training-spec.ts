import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../trace/trace.ts";
import type { HostArrays } from "@clip-ts/core";
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

/**
 * The gradient of a loss over a batch that comes in micro-batches, as three functions of one of them or
 * of all their features: a program compiles each once and runs them in a loop. Together they must give
 * what `TrainingSpec.gradient` gives for the batch.
 */
export interface AccumulatedGradient {
  /** Leaves that only `compare` uses; `pullBack` gives the gradients of the others. */
  readonly compared: readonly string[];
  /** Rows of features, by name, and what parameters that are not trained become after this one. */
  encode(
    params: NamedTensors,
    batch: NamedTensors,
  ): { readonly features: NamedTensors; readonly statistics?: NamedTensors };
  /** The loss of the rows of all micro-batches; `batch` holds what belongs to none of them. */
  compare(
    params: NamedTensors,
    features: NamedTensors,
    batch: NamedTensors,
  ): Omit<Gradients, "statistics"> & {
    /** The gradient by the features. */
    readonly cotangents: NamedTensors;
  };
  /** One micro-batch's share of the gradient: that of Σ features · cotangents. */
  pullBack(params: NamedTensors, batch: NamedTensors, cotangents: NamedTensors): NamedTensors;
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
  /** The same in parts, for batches whose arrays are called `0/…`, `1/…` for each micro-batch. */
  readonly accumulated?: AccumulatedGradient;
  /**
   * The new parameters, then the new slots. Must treat every element alike, since it is traced on
   * stretches that span several leaves; only leaves in `whole` come one by one, in their own shape.
   */
  update(step: LeafStep<Settings>): readonly Tensor[];
  /** Paths of leaves whose elements `update` does not treat alike, such as matrices made orthogonal. */
  readonly whole?: ReadonlySet<string>;
  /** Paths of parameters whose products are exact: never rounded to bf16. */
  readonly exact?: ReadonlySet<string>;
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
