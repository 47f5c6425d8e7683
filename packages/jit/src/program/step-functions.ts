import { addN, mul, sqrt, square, sum, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../trace/trace.ts";
import type { LeafSettings } from "./flat-state.ts";
import type { Numbers } from "./program.ts";

/** A number of the host, or a scalar tensor where a step is traced. */
export type ScalarValue = number | Scalar;

/** What a step computes from parameters and a batch before it moves anything. */
export interface Gradients {
  readonly loss: Tensor;
  /** Further scalars worth reporting. */
  readonly metrics?: NamedTensors;
  /** One for every leaf that learns, by path. */
  readonly grads: NamedTensors;
  /** What leaves that do not learn become, by path: running statistics. */
  readonly statistics?: NamedTensors;
}

/** A place among ranks that learn from one batch together. */
export interface RankPlace {
  /** From 0. */
  readonly rank: number;
  /** How many ranks there are. */
  readonly size: number;
}

/** The rows of one of several ranks; all ranks have as many. */
export interface RankRows extends RankPlace {
  readonly own: NamedTensors;
  /** Those of all ranks, one rank's after the other's. */
  readonly all: NamedTensors;
}

/** What a comparison gives: the loss of all rows, its gradient by rows (`cotangents`) and by the compared leaves. */
export type Comparison = Omit<Gradients, "statistics"> & { readonly cotangents: NamedTensors };

/**
 * `GradientParts.compare` in local form: each rank compares its own rows with those of all, in two phases between
 * which the ranks tell each other what their rows sum up to. No rank holds what grows with the square of all rows.
 */
export interface LocalParts {
  /** What this rank's rows tell of all: tensors by name, [own rows, ...] each. */
  sums(params: NamedTensors, rows: RankRows, shared: NamedTensors): NamedTensors;
  /**
   * By the sums of all rows: the loss of all, the same on every rank; its whole gradient by this rank's rows; this
   * rank's share of that by the compared leaves.
   */
  slopes(params: NamedTensors, rows: RankRows, shared: NamedTensors, sums: NamedTensors): Comparison;
}

/**
 * The gradient of a loss in parts that are run for one micro-batch, or for the rows of all of them
 * (GradCache, Gao et al. 2021, arXiv:2101.06983). Together they give what `StepFunctions.gradient` gives
 * for the whole batch.
 */
export interface GradientParts {
  /** Leaves that only `compare` uses; `pullBack` gives the gradients of the others. */
  readonly compared: readonly string[];
  /** Rows of one micro-batch, and what leaves that do not learn become after it. */
  encode(
    params: NamedTensors,
    pairs: NamedTensors,
  ): { readonly rows: NamedTensors; readonly statistics?: NamedTensors };
  /** The loss of all rows; its gradient by them (`cotangents`), and by the compared leaves. */
  compare(params: NamedTensors, rows: NamedTensors, shared: NamedTensors): Comparison;
  /** The same where ranks learn together, if it can be had so. */
  readonly local?: LocalParts | undefined;
  /** One micro-batch's share of the other gradients: those of Σ rows · cotangents. */
  pullBack(params: NamedTensors, pairs: NamedTensors, cotangents: NamedTensors): NamedTensors;
}

/** A leaf to be moved, or a stretch of several that are alike. All tensors have the same shape, but for slots with one of their own. */
export interface LeafStep<Settings extends LeafSettings = LeafSettings> {
  readonly param: Tensor;
  /** After clipping. */
  readonly grad: Tensor;
  /** In the order of `LeafRule.slots`. */
  readonly slots: readonly Tensor[];
  /** The step's numbers, such as the learning rate. */
  readonly scalars: Readonly<Record<string, ScalarValue>>;
  readonly settings: Settings;
}

/** How a step moves what learns. */
export interface LeafRule<Settings extends LeafSettings = LeafSettings> {
  /** The leaves that learn, with the numbers `move` knows them by. The others stay. */
  readonly leaves: Readonly<Record<string, Settings>>;
  /** Names of what is remembered for each of them; zeros at first. */
  readonly slots: readonly string[];
  /** The factor that gradients of this length, all taken as one vector, are multiplied by. */
  readonly clip?: (norm: ScalarValue) => ScalarValue;
  /**
   * The new parameter, then the new slots. Treats every element alike, since it may be traced on
   * stretches that span several leaves; only leaves in `whole` come one by one, in their own shape.
   */
  move(step: LeafStep<Settings>): readonly Tensor[];
  /** Paths of leaves whose elements `move` does not treat alike, such as matrices made orthogonal. */
  readonly whole?: ReadonlySet<string>;
  /** The shape of what a slot remembers of one of `whole`; the leaf's own if absent. */
  readonly slotShape?: (slot: string, path: string) => readonly number[];
}

/** The shape of what a slot remembers of a leaf of some shape. */
export const slotShapeOf = (
  { slotShape }: Pick<LeafRule, "slotShape">,
  slot: string,
  [path, shape]: readonly [path: string, shape: readonly number[]],
): readonly number[] => slotShape?.(slot, path) ?? shape;

/** A training step as pure functions of tensors: run as they are, or compiled. */
export interface StepFunctions<Settings extends LeafSettings = LeafSettings> {
  /** The gradient of a whole batch: encode, compare and pull back under one tape. */
  gradient(params: NamedTensors, pairs: NamedTensors, shared: NamedTensors): Gradients;
  /** The same for batches in micro-batches, or spread over ranks. */
  readonly parts?: GradientParts;
  readonly update: LeafRule<Settings>;
  /** Paths of parameters whose matmuls are exact: never rounded to bf16. */
  readonly exact?: ReadonlySet<string>;
}

/** Results of a step that must be numbers, or its state stays as it was. */
export const guarded = ["loss", "gradNorm"] as const;

/** Whether training can go on from a step with these results. */
export const isFiniteStep = (numbers: Numbers): boolean => guarded.every((name) => Number.isFinite(numbers[name]));

/** Length of the gradients of all leaves that learn, taken as one vector. The caller owns the scalar. */
export function gradientLength({ leaves }: Pick<LeafRule, "leaves">, grads: NamedTensors): Scalar {
  const squares = Object.keys(leaves).map((path) => sum<Scalar>(square(grads[path] as Tensor)));
  return sqrt(addN(squares));
}

/** A leaf, or a stretch of several that are alike, before a step. */
export interface LeafState {
  readonly param: Tensor;
  /** Before clipping. */
  readonly grad: Tensor;
  /** What is remembered of it, by slot. */
  readonly slot: (name: string) => Tensor;
  readonly settings: LeafSettings;
}

/** What is the same for all leaves in a step. */
export interface StepScalars {
  readonly scalars: Readonly<Record<string, ScalarValue>>;
  /** The factor on gradients; none by default. */
  readonly clip?: ScalarValue | undefined;
}

/** Clips and moves a leaf by its rule: the new parameter, then the new slots in the rule's order. */
export function moveLeaf(
  { slots, move }: Pick<LeafRule, "slots" | "move">,
  { param, grad, slot, settings }: LeafState,
  { scalars, clip }: StepScalars,
): readonly Tensor[] {
  const clipped = clip === undefined ? grad : mul(grad, clip);
  return move({ param, grad: clipped, slots: slots.map(slot), scalars, settings });
}
