import {
  flattenTree,
  isStatistic,
  pickLeaves,
  unflattenLike,
  type FlatTree,
  type ParamSpec,
  type TreeOf,
} from "@clip-ts/core";
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

/** A model's parameters as they are described. */
export type SpecsOf<Params> = TreeOf<Params, Tensor, ParamSpec>;

/** Adapters in place of the model's own weights. */
export interface LoraOptions extends LoraConfig {
  /**
   * Paths or patterns of the model's own leaves that learn beside the adapters; by default those of
   * neither tower, such as the logit scale.
   */
  readonly train?: readonly (RegExp | string)[] | undefined;
}

/** What of a model learns: everything but statistics, unless this says otherwise. */
export interface LearningOptions {
  readonly lora?: LoraOptions | undefined;
  /** For each locked tower, how many of its groups, counted from the output, still learn. */
  readonly unlocked?: UnlockedGroups | undefined;
  /** Whether batch norms keep their running statistics and use them; always with LoRA. */
  readonly freezeStatistics?: boolean | undefined;
}

/** Which leaves a training's state holds, which of them learn, and what the model sees of them. */
export interface TrainingPlan<Params extends object = object> {
  /** The model's tree. */
  readonly template: SpecsOf<Params>;
  /** Leaves of the model by path. */
  readonly model: FlatTree<ParamSpec>;
  /** Leaves of the adapters by path; none without LoRA. */
  readonly adapters: FlatTree<ParamSpec>;
  readonly lora: LoraConfig | undefined;
  /** Paths of the weights that adapters are added to. */
  readonly adapted: readonly string[];
  /** Specs of the leaves that learn, by path. */
  readonly trained: FlatTree<ParamSpec>;
  /** Paths of the leaves, adapters among them, whose matmuls are never rounded. */
  readonly exact: ReadonlySet<string>;
  /** Towers of which nothing learns. */
  readonly isFrozen: Readonly<Record<TowerName, boolean>>;
  /** Whether batch norms use the batch's statistics and update the running ones. */
  readonly updatesStatistics: boolean;
}

/** Leaves that learn beside adapters: those named, else what is of neither tower and makes logits. */
function besideAdapters(model: FlatTree<ParamSpec>, named: LoraOptions["train"]): readonly string[] {
  const paths = Object.keys(model);
  if (named === undefined) return paths.filter((path) => model[path]?.tower === undefined);
  const rules = named.map((pattern) => [pattern, true] as const);
  const chosen = resolveByPath(paths, rules, false);
  return paths.filter((path) => chosen[path]);
}

function learnt(model: FlatTree<ParamSpec>, { lora, unlocked = {} }: LearningOptions): ReadonlySet<string> {
  const own = Object.fromEntries(Object.entries(model).filter(([, leaf]) => !isStatistic(leaf)));
  if (lora !== undefined) return new Set(besideAdapters(own, lora.train));
  const locked = lockedPaths(own, unlocked);
  return new Set(Object.keys(own).filter((path) => !locked.has(path)));
}

/** Settles what learns of a model. @throws ClipError "bad-config" for a pattern that matches nothing. */
export function planTraining<Params extends object>(
  template: SpecsOf<Params>,
  options: LearningOptions = {},
): TrainingPlan<Params> {
  const model = flattenTree<ParamSpec>(template);
  const { lora } = options;
  const adapters = lora === undefined ? {} : loraSpec(model, lora);
  const learns = learnt(model, options);
  const all = Object.entries({ ...model, ...adapters });
  const trained = Object.fromEntries(all.filter(([path]) => learns.has(path) || path in adapters));
  const exact = all.filter(([, leaf]) => leaf.precision === "exact");
  const isOf = (tree: FlatTree<ParamSpec>, tower: TowerName): boolean =>
    Object.values(tree).some((leaf) => leaf.tower === tower);
  const isFrozen = (tower: TowerName): boolean => isOf(model, tower) && !isOf(trained, tower);
  return {
    template,
    model,
    adapters,
    lora,
    adapted: lora === undefined ? [] : loraTargets(model, lora),
    trained,
    exact: new Set(exact.map(([path]) => path)),
    isFrozen: { image: isFrozen("image"), text: isFrozen("text") },
    updatesStatistics: lora === undefined && options.freezeStatistics !== true,
  };
}

/** What the model sees: its own leaves, adapters added in. Leaves without one are the given tensors. */
export function modelParams<Params extends object>(
  { template, model, adapters, lora }: TrainingPlan<Params>,
  leaves: FlatTree<Tensor>,
): Params {
  const own = pickLeaves(leaves, Object.keys(model));
  const merged = lora === undefined ? own : mergeLora(own, pickLeaves(leaves, Object.keys(adapters)), lora);
  return unflattenLike(template as object, merged) as Params;
}

/** The model's own leaves as they lie in the state, without adapters. */
export function ownParams<Params extends object>({ template }: TrainingPlan<Params>, leaves: FlatTree<Tensor>): Params {
  return unflattenLike(template as object, leaves) as Params;
}
