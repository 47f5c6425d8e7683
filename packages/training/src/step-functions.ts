import { pickLeaves, valueAndGradient, type FlatTree } from "@clip-ts/core";
import type { GradientParts, LeafSettings, LeafStep, StepFunctions } from "@clip-ts/jit";
import type { EncodeOptions, Objective, Rows } from "@clip-ts/model";
import { clipFactor, emaUpdate, type Optimizer } from "@clip-ts/optim";
import { addN, mul, sum, type Tensor } from "@tensorflow/tfjs-core";
import { modelParams, ownParams, type TrainingPlan } from "./training-plan.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/** How an objective sees the leaves that a training's state holds. */
export interface LeafView<Params extends object> {
  /** Paths of the leaves that learn. */
  readonly trained: readonly string[];
  /** The model as its towers see it, adapters added in. */
  model(leaves: FlatTree<Tensor>): Params;
  /** The same without adapters, for what only compares. */
  compared(leaves: FlatTree<Tensor>): Params;
  /** How the towers are run. */
  readonly options: EncodeOptions;
}

/** An objective, and what it is the objective of. */
interface Source<Params extends object, Batch extends object, Shared extends object> {
  readonly objective: Pick<Objective<Params, Batch, Rows, Shared>, "inputs" | "encode" | "compare" | "local">;
  readonly view: LeafView<Params>;
}

/** Half of the gradient: the loss by the rows, and by the leaves that nothing else uses. */
const compareWith =
  <Params extends object, Batch extends object, Shared extends object>(
    { objective, view }: Source<Params, Batch, Shared>,
    compared: readonly string[],
  ): GradientParts["compare"] =>
  (leaves, rows, shared) => {
    const { value, gradient, aux } = valueAndGradient(
      (tree: { readonly rows: Tensors; readonly own: Tensors }) => {
        const params = view.compared({ ...leaves, ...tree.own });
        const { loss, metrics } = objective.compare(params, tree.rows, shared as Tensors & Shared);
        return { loss, aux: metrics };
      },
      { rows, own: pickLeaves(leaves, compared) },
    );
    return { loss: value, metrics: aux ?? {}, cotangents: gradient.rows, grads: gradient.own };
  };

/** The same half in local form, if the objective has one. */
function localWith<Params extends object, Batch extends object, Shared extends object>(
  { objective: { local }, view }: Source<Params, Batch, Shared>,
  compared: readonly string[],
): GradientParts["local"] {
  return (
    local && {
      sums: (leaves, rows, shared) => local.sums(view.compared(leaves), rows, shared as Tensors & Shared),
      slopes(leaves, rows, shared, sums) {
        const { value, gradient, aux } = valueAndGradient(
          (tree: { readonly rows: Tensors; readonly own: Tensors }) => {
            const params = view.compared({ ...leaves, ...tree.own });
            const all = { ...rows, own: tree.rows };
            const { loss, metrics } = local.compare(params, all, shared as Tensors & Shared, sums);
            return { loss, aux: metrics };
          },
          { rows: rows.own, own: pickLeaves(leaves, compared) },
        );
        return { loss: value, metrics: aux ?? {}, cotangents: gradient.rows, grads: gradient.own };
      },
    }
  );
}

/** The other half: Σ rows · cotangents by the leaves that make the rows. */
const pullBackWith =
  <Params extends object, Batch extends object, Shared extends object>(
    { objective, view }: Source<Params, Batch, Shared>,
    pulled: readonly string[],
  ): GradientParts["pullBack"] =>
  (leaves, pairs, cotangents) => {
    const { value, gradient } = valueAndGradient(
      (tree: Tensors) => {
        const params = view.model({ ...leaves, ...tree });
        const { rows } = objective.encode(params, pairs as Tensors & Batch, view.options);
        const pulls = Object.entries(rows).map(([name, own]) => sum(mul(own, cotangents[name] as Tensor)));
        return { loss: addN(pulls) };
      },
      pickLeaves(leaves, pulled),
    );
    value.dispose();
    return gradient;
  };

/**
 * The gradient of an objective by the leaves that learn, whole and in parts, as pure functions: whatever
 * runs the step runs these, operation by operation or compiled. The caller owns what they give.
 */
export function gradientFunctions<Params extends object, Batch extends object, Shared extends object>(
  objective: Source<Params, Batch, Shared>["objective"],
  view: LeafView<Params>,
): Required<Pick<StepFunctions, "gradient" | "parts">> {
  const { trained, options } = view;
  const isCompared = new Set(objective.inputs.compared);
  const compared = trained.filter((path) => isCompared.has(path));
  const pulled = trained.filter((path) => !isCompared.has(path));
  const source = { objective, view };
  return {
    gradient(leaves, pairs, shared) {
      const { value, gradient, aux } = valueAndGradient(
        (tree: Tensors) => {
          const all = { ...leaves, ...tree };
          const batch = pairs as Tensors & Batch;
          const { rows, statistics } = objective.encode(view.model(all), batch, options);
          const own = view.compared(all);
          const { loss, metrics } = objective.compare(own, rows, shared as Tensors & Shared);
          return { loss, aux: { metrics, statistics } };
        },
        pickLeaves(leaves, trained),
      );
      return { loss: value, grads: gradient, ...(aux ?? { metrics: {}, statistics: {} }) };
    },
    parts: {
      compared,
      encode: (leaves, pairs) => objective.encode(view.model(leaves), pairs as Tensors & Batch, options),
      compare: compareWith(source, compared),
      local: localWith(source, compared),
      pullBack: pullBackWith(source, pulled),
    },
  };
}

/** The name of the moving average among what is remembered of each leaf. */
export const emaSlot = "ema";

/** The number by which a step tells how slowly the moving average changes. */
export const emaDecayScalar = "emaDecay";

/** What a step is made of, whatever runs it. */
export interface StepParts<Params extends object, Batch extends object, Shared extends object> {
  readonly objective: Objective<Params, Batch, Rows, Shared>;
  readonly plan: TrainingPlan<Params>;
  readonly optimizer: Optimizer;
  readonly clipNorm: number | undefined;
  readonly keepsEma: boolean;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint: boolean;
}

/** The numbers that the update knows each leaf by. */
function settingsOf({ leaves, matrices }: Optimizer): Record<string, LeafSettings> {
  const settings = Object.entries(leaves).map(([path, leaf]) => {
    const isMatrix = Number(matrices.has(path));
    return [path, { ...leaf, isMatrix }] as const;
  });
  return Object.fromEntries(settings);
}

/** The shape of what a slot remembers of a leaf: the optimiser's say, or for the moving average the leaf's own. */
export const slotShapesOf =
  (optimizer: Pick<Optimizer, "slotShape">, { trained }: Pick<TrainingPlan, "trained">) =>
  (slot: string, path: string): readonly number[] =>
    slot === emaSlot ? (trained[path]?.shape ?? []) : optimizer.slotShape(slot, path);

/** The optimiser's rule, within the leaf's bounds, and the moving average, for one leaf or stretch. */
function moveWith(optimizer: Optimizer, keepsEma: boolean): (leaf: LeafStep) => readonly Tensor[] {
  return ({ slots, settings, ...leaf }) => {
    const { weightDecay = 0, multiplier = 1, isMatrix = 0, ...bounds } = settings;
    const [param, ...remembered] = optimizer.updateLeaf({
      ...leaf,
      slots: slots.slice(0, optimizer.slots.length),
      weightDecay,
      multiplier,
      isMatrix: isMatrix === 1,
      ...bounds,
    }) as [Tensor, ...Tensor[]];
    if (!keepsEma) return [param, ...remembered];
    const average = { leaf: (slots.at(-1) as Tensor).clone() }; // emaUpdate consumes it
    const next = emaUpdate(average, { leaf: param }, leaf.scalars[emaDecayScalar] ?? 0);
    return [param, ...remembered, next["leaf"] as Tensor];
  };
}

/** A training step as pure functions: encode, compare, pull back, update. */
export function stepFunctions<Params extends object, Batch extends object, Shared extends object>(
  parts: StepParts<Params, Batch, Shared>,
): StepFunctions & Required<Pick<StepFunctions, "parts">> {
  const { objective, plan, optimizer, clipNorm, keepsEma, checkpoint } = parts;
  return {
    ...gradientFunctions(objective, {
      trained: Object.keys(plan.trained),
      model: (leaves) => modelParams(plan, leaves),
      compared: (leaves) => ownParams(plan, leaves),
      options: { training: plan.updatesStatistics, checkpoint, frozen: plan.isFrozen },
    }),
    exact: plan.exact,
    update: {
      leaves: settingsOf(optimizer),
      slots: keepsEma ? [...optimizer.slots, emaSlot] : optimizer.slots,
      ...(clipNorm !== undefined && { clip: (norm) => clipFactor(norm, clipNorm) }),
      move: moveWith(optimizer, keepsEma),
      whole: optimizer.whole,
      slotShape: slotShapesOf(optimizer, plan),
    },
  };
}
