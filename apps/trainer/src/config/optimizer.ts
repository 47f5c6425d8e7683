import type { FlatTree, ParamSpec } from "@clip-ts/core";
import {
  layerwiseMultipliers,
  resolveByPath,
  type LoraConfig,
  type OptimizerConfig,
  type PathRules,
} from "@clip-ts/optim";
import type { RunConfig } from "./schema.ts";

/** "/…/" is a regular expression, anything else the name of a leaf or subtree. */
export function patternOf(text: string): RegExp | string {
  const inner = /^\/(.+)\/$/.exec(text)?.[1];
  return inner === undefined ? text : new RegExp(inner);
}

function rules<Value>(pairs: readonly (readonly [string, Value])[]): PathRules<Value> {
  return pairs.map(([pattern, value]) => [patternOf(pattern), value] as const);
}

/** A model's leaves and those that learn, adapters among them. */
export interface LeafSpecs {
  readonly trained: FlatTree<ParamSpec>;
  readonly model: FlatTree<ParamSpec>;
}

/** Both kinds of factors on learning rates multiplied, leaf by leaf. */
function multipliersOf(
  { optimizer, layerDecay }: RunConfig,
  { trained, model }: LeafSpecs,
): PathRules<number> {
  const named = rules(optimizer.multipliers ?? []);
  if (layerDecay === undefined) return named;
  const decay =
    typeof layerDecay === "number" ? { image: layerDecay, text: layerDecay } : layerDecay;
  const given = Object.entries(decay).filter(([, rate]) => rate !== undefined);
  const byLayer = layerwiseMultipliers({ ...model, ...trained }, Object.fromEntries(given));
  const paths = Object.keys(trained);
  const byName = resolveByPath(paths, named, 1);
  return paths.map((path) => [path, (byLayer[path] ?? 1) * (byName[path] ?? 1)] as const);
}

/** The settings of the optimiser's own kind. */
function kindOf({ optimizer }: RunConfig): OptimizerConfig {
  const { decay: _, multipliers: __, ...settings } = optimizer;
  if (settings.kind !== "muon") return settings;
  const { matrices, ...rest } = settings;
  return { ...rest, ...(matrices === undefined ? {} : { matrices: rules(matrices) }) };
}

/** The optimiser that a run's config describes, for the leaves that learn. */
export function optimizerConfig(config: RunConfig, specs: LeafSpecs): OptimizerConfig {
  const { decay } = config.optimizer;
  const multipliers = multipliersOf(config, specs);
  return {
    ...kindOf(config),
    ...(decay === undefined ? {} : { decay: rules(decay) }),
    ...(multipliers.length === 0 ? {} : { multipliers }),
  };
}

/** The adapters that a run's config asks for. */
export function loraConfig({ lora }: RunConfig): LoraConfig | undefined {
  if (lora === undefined) return undefined;
  const { rank, alpha = rank, targets } = lora;
  return { rank, alpha, ...(targets === undefined ? {} : { targets: targets.map(patternOf) }) };
}
