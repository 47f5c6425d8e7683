import type { FlatTree, ParamSpec } from "@clip-ts/core";
import {
  chunked,
  clipSpec,
  distilled,
  objectiveOf,
  type ClipConfig,
  type ClipObjective,
  type ClipParams,
  type PairInputs,
  type SharedInputs,
} from "@clip-ts/model";
import {
  layerwiseMultipliers,
  resolveByPath,
  type OptimizerConfig,
  type PathRules,
  type TowerName,
} from "@clip-ts/optim";
import { planTraining, type LearningOptions, type TrainingOptions } from "@clip-ts/training";

/** What a run makes small beside its model's own loss. */
export interface ObjectiveOptions {
  /** Rows of the matrix of all pairs that are compared at a time; all by default. */
  readonly chunk?: number | undefined;
  /** A teacher to learn from as well. */
  readonly distill?: { readonly weight?: number | undefined } | undefined;
}

/** What a run makes small: the model's loss, with a teacher and in chunks where it is asked for. */
function runObjective({ chunk, distill }: ObjectiveOptions, clip: ClipConfig): ClipObjective {
  const own = objectiveOf(clip);
  const taught = distill === undefined ? own : distilled(own, distill);
  return chunk === undefined ? taught : chunked(taught, chunk);
}

/** How fast the leaves of a model learn, and by what rule. */
export interface OptimizerOptions {
  readonly config: OptimizerConfig;
  /** Factors on learning rates that shrink towards the input, for each tower that has one. */
  readonly layerDecay?: Readonly<Partial<Record<TowerName, number>>> | undefined;
}

/** A model's leaves and those that learn, adapters among them. */
export interface LeafSpecs {
  readonly trained: FlatTree<ParamSpec>;
  readonly model: FlatTree<ParamSpec>;
}

/** The optimiser of a run, both kinds of factors on learning rates multiplied leaf by leaf. */
function optimizerConfig({ config, layerDecay }: OptimizerOptions, { trained, model }: LeafSpecs): OptimizerConfig {
  if (layerDecay === undefined) return config;
  const byLayer = layerwiseMultipliers({ ...model, ...trained }, layerDecay);
  const paths = Object.keys(trained);
  const byName = resolveByPath(paths, config.multipliers ?? [], 1);
  const multipliers: PathRules<number> = paths.map(
    (path) => [path, (byLayer[path] ?? 1) * (byName[path] ?? 1)] as const,
  );
  return { ...config, multipliers };
}

/** How a run trains whatever model it has. */
export interface RunTrainingOptions
  extends
    LearningOptions,
    Pick<
      TrainingOptions<ClipParams, PairInputs, SharedInputs>,
      "seed" | "schedule" | "clipNorm" | "ema" | "accumulate" | "checkpointing" | "localLoss"
    > {
  readonly objective: ObjectiveOptions;
  readonly optimizer: OptimizerOptions;
}

/** What the training library takes. */
export type ClipTrainingOptions = TrainingOptions<ClipParams, PairInputs, SharedInputs>;

/** The same for a model of this architecture. */
export function clipTraining(
  { objective, optimizer, ...options }: RunTrainingOptions,
  clip: ClipConfig,
): ClipTrainingOptions {
  const spec = clipSpec(clip);
  return {
    ...options,
    spec,
    objective: runObjective(objective, clip),
    optimizer: optimizerConfig(optimizer, planTraining(spec, options)),
  };
}
