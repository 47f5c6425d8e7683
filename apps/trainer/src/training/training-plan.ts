import {
  flattenTree,
  isStatistic,
  unflattenLike,
  type FlatTree,
  type ParamSpec,
} from "@clip-ts/core";
import { clipSpec, type ClipConfig, type ClipParams } from "@clip-ts/model";
import {
  loraSpec,
  loraTargets,
  lockedPaths,
  mergeLora,
  resolveByPath,
  type LoraConfig,
  type TowerName,
  type UnlockedGroups,
} from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";
import { loraConfig, patternOf } from "../config/optimizer.ts";
import type { RunConfig } from "../config/schema.ts";

/** Which leaves a run's state holds, which of them learn, and what the towers see of them. */
export interface TrainingPlan {
  readonly clip: ClipConfig;
  /** The model's tree. */
  readonly template: ClipParams<ParamSpec>;
  /** Leaves of the model by path. */
  readonly model: FlatTree<ParamSpec>;
  /** Leaves of the adapters by path; none without LoRA. */
  readonly adapters: FlatTree<ParamSpec>;
  readonly lora: LoraConfig | undefined;
  /** Paths of the weights that adapters are added to. */
  readonly adapted: readonly string[];
  /** Specs of the leaves that learn, by path. */
  readonly trained: FlatTree<ParamSpec>;
  /** Paths of the leaves, adapters among them, whose products are never rounded. */
  readonly exact: ReadonlySet<string>;
  /** Towers of which nothing learns. */
  readonly isFrozen: Readonly<Record<TowerName, boolean>>;
  /** Whether batch norms use the batch's statistics and update the running ones. */
  readonly updatesStatistics: boolean;
}

/** Leaves that learn beside adapters: those named, else what is of neither tower and makes logits. */
export function besideAdapters(
  model: FlatTree<ParamSpec>,
  named: readonly string[] | undefined,
): readonly string[] {
  const paths = Object.keys(model);
  if (named === undefined) return paths.filter((path) => model[path]?.tower === undefined);
  const rules = named.map((name) => [patternOf(name), true] as const);
  const chosen = resolveByPath(paths, rules, false);
  return paths.filter((path) => chosen[path]);
}

function unlockedGroups({ lock = {} }: RunConfig): UnlockedGroups {
  const groups = (["image", "text"] as const).flatMap((tower) => {
    const unlocked = lock[tower]?.unlockedGroups;
    return unlocked === undefined || unlocked === "all" ? [] : [[tower, unlocked] as const];
  });
  return Object.fromEntries(groups);
}

function learning(config: RunConfig, model: FlatTree<ParamSpec>): ReadonlySet<string> {
  const own = Object.fromEntries(Object.entries(model).filter(([, leaf]) => !isStatistic(leaf)));
  if (config.lora !== undefined) return new Set(besideAdapters(own, config.lora.train));
  const locked = lockedPaths(own, unlockedGroups(config));
  return new Set(Object.keys(own).filter((path) => !locked.has(path)));
}

/** Settles what learns in a run. */
export function planTraining(config: RunConfig, clip: ClipConfig): TrainingPlan {
  const template = clipSpec(clip);
  const model = flattenTree<ParamSpec>(template);
  const lora = loraConfig(config);
  const adapters = lora === undefined ? {} : loraSpec(model, lora);
  const learns = learning(config, model);
  const all = Object.entries({ ...model, ...adapters });
  const trained = Object.fromEntries(all.filter(([path]) => learns.has(path) || path in adapters));
  const exact = all.filter(([, leaf]) => leaf.precision === "exact");
  const isFrozen = (tower: TowerName): boolean =>
    !Object.values(trained).some((leaf) => leaf.tower === tower);
  const { image } = config.lock ?? {};
  return {
    clip,
    template,
    model,
    adapters,
    lora,
    adapted: lora === undefined ? [] : loraTargets(model, lora),
    trained,
    exact: new Set(exact.map(([path]) => path)),
    isFrozen: { image: isFrozen("image"), text: isFrozen("text") },
    updatesStatistics: lora === undefined && image?.freezeStatistics !== true,
  };
}

/** The model's own leaves, adapters added in. Leaves without one are the given tensors themselves. */
export function mergedLeaves(
  { model, adapters, lora }: TrainingPlan,
  leaves: FlatTree<Tensor>,
): Record<string, Tensor> {
  const pick = (tree: FlatTree<ParamSpec>): Record<string, Tensor> =>
    Object.fromEntries(Object.keys(tree).map((path) => [path, leaves[path] as Tensor]));
  return lora === undefined ? pick(model) : mergeLora(pick(model), pick(adapters), lora);
}

/** What the towers see. */
export function modelParams(plan: TrainingPlan, leaves: FlatTree<Tensor>): ClipParams {
  return unflattenLike(plan.template, mergedLeaves(plan, leaves)) as ClipParams;
}
