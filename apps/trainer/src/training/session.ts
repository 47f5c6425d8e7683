import type { FlatTree } from "@clip-ts/core";
import type { Batch } from "@clip-ts/data";
import type { OptimizerSlots } from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";

/** What a step tells about itself. */
export interface StepMetrics {
  readonly loss: number;
  /** Share of the batch's images whose own caption scored highest. */
  readonly accuracy: number;
  /** Length of the whole gradient before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Logarithm of the factor on cosines that the loss was computed with. */
  readonly logitScale: number;
}

/** What a checkpoint keeps of a session. */
export interface SessionContents {
  readonly params: FlatTree<Tensor>;
  /** Optimiser state by slot, and the moving average under `ema` if there is one. */
  readonly slots: OptimizerSlots;
}

/** A model being trained: its state lives wherever the engine wants it. */
export interface TrainingSession {
  /** Steps taken so far. */
  readonly steps: () => number;
  /** One optimiser step. @throws ClipError "diverged", with the state as it was before. */
  readonly step: (batch: Batch) => Promise<StepMetrics>;
  /** Lends the state out for as long as `use` runs. */
  readonly withContents: <Result>(
    use: (contents: SessionContents) => Promise<Result>,
  ) => Promise<Result>;
  /** Frees the state. */
  readonly dispose: () => void;
}
