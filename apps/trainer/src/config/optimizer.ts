import type { FlatTree, ParamSpec } from "@clip-ts/core";
import {
  layerwiseMultipliers,
  resolveByPath,
  type OptimizerConfig,
  type PathRules,
  type TowerName,
} from "@clip-ts/optim";

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
export function optimizerConfig(
  { config, layerDecay }: OptimizerOptions,
  { trained, model }: LeafSpecs,
): OptimizerConfig {
  if (layerDecay === undefined) return config;
  const byLayer = layerwiseMultipliers({ ...model, ...trained }, layerDecay);
  const paths = Object.keys(trained);
  const byName = resolveByPath(paths, config.multipliers ?? [], 1);
  const multipliers: PathRules<number> = paths.map(
    (path) => [path, (byLayer[path] ?? 1) * (byName[path] ?? 1)] as const,
  );
  return { ...config, multipliers };
}
