import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import { tidy, zeros, type Tensor } from "@tensorflow/tfjs-core";
import { adafactor, type AdafactorConfig } from "./adafactor.ts";
import { gatherLeaves, keepWithin, settleLeaves, type Bounds } from "./leaf-updates.ts";
import type { LeafTraits, PathRules } from "./leaf-rules.ts";
import { muon, type MuonConfig } from "./muon.ts";
import type { Scalars } from "./schedule.ts";
import {
  adamw,
  lion,
  sgd,
  type AdamwConfig,
  type LeafUpdate,
  type LionConfig,
  type SgdConfig,
  type UpdateRule,
} from "./update-rules.ts";

const unbounded = new Set(["eps", "weightDecay", "rounds", "minDimToFactor"]);

/** Refuses numbers no optimiser can work with: all are 0 or more, the betas and the momentum below 1. */
function checkConfig(config: object): void {
  for (const [name, value] of Object.entries(config) as [string, unknown][]) {
    if (typeof value !== "number") continue;
    const limit = unbounded.has(name) ? Infinity : 1;
    if (value >= 0 && value < limit) continue;
    const range = limit === 1 ? "at least 0 and below 1" : "a finite number of at least 0";
    throw new ClipError("bad-config", `${name}: expected ${range}, got ${value}.`, {
      data: { name, value },
    });
  }
}

/** What holds for every optimiser: which parameters decay, and how fast each one learns. */
export interface PerParameterConfig {
  /** Where weight decay applies; paths without a rule follow `decaysByDefault`. */
  readonly decay?: PathRules<boolean>;
  /** Factors on the learning rate; 1 for paths without a rule. */
  readonly multipliers?: PathRules<number>;
}

/** An optimiser as data: it can be printed, compared and stored beside the weights. */
export type OptimizerConfig = (AdamwConfig | SgdConfig | LionConfig | MuonConfig | AdafactorConfig) &
  PerParameterConfig;

/** What an optimiser remembers: a flat tree like the parameters for each of its slots. */
export type OptimizerSlots = Readonly<Record<string, FlatTree<Tensor>>>;

/** One step's input: trees with the same paths, and the numbers from `Optimizer.scalars`. */
export interface UpdateInput {
  readonly params: FlatTree<Tensor>;
  readonly grads: FlatTree<Tensor>;
  readonly slots: OptimizerSlots;
  readonly scalars: Scalars;
}

/** How one parameter is treated. */
export type LeafSettings = Pick<LeafUpdate, "weightDecay" | "multiplier" | "min" | "max">;

/** Pure functions over flat trees; the caller keeps the state and counts the steps. */
export interface Optimizer {
  /** Names of the trees it remembers, such as `first` and `second`. */
  readonly slots: readonly string[];
  /** Paths of leaves that move as one matrix each: `isMatrix` of their updates. */
  readonly matrices: ReadonlySet<string>;
  /** Paths of leaves that move one by one, because their elements are not all treated alike: `matrices` among them. */
  readonly whole: ReadonlySet<string>;
  /** The shape of what a slot remembers of a leaf. @throws ClipError "bad-argument" for one that there is not. */
  slotShape(slot: string, path: string): readonly number[];
  /** Every parameter's settings by path. */
  readonly leaves: Readonly<Record<string, LeafSettings>>;
  /**
   * The new parameter and slots of one leaf. Treats every element alike unless the leaf is one of
   * `whole`, so all others with equal settings may be laid end to end. Borrows everything.
   */
  updateLeaf(leaf: LeafUpdate): readonly Tensor[];
  /** Zeros for every slot and parameter. The caller owns them. */
  init(): Record<string, Record<string, Tensor>>;
  /** The numbers of step `step`, counted from 0: learning rate and bias corrections. */
  scalars(step: number, learningRate: number): Record<string, number>;
  /**
   * The next parameters and slots. CONSUMES `params` and `slots`: each old leaf is disposed as soon as
   * its replacement exists, so that only one leaf is in memory twice. Borrows `grads` and `scalars`.
   * Reads no tensor's values, so it can be traced into a graph.
   */
  update(input: UpdateInput): {
    params: Record<string, Tensor>;
    slots: Record<string, Record<string, Tensor>>;
  };
}

function updateRule(config: OptimizerConfig): UpdateRule {
  switch (config.kind) {
    case "adamw":
      return adamw(config);
    case "sgd":
      return sgd(config);
    case "lion":
      return lion(config);
    case "muon":
      return muon(config);
    case "adafactor":
      return adafactor(config);
  }
}

/**
 * An optimiser for these parameters: specs, whose roles say which decay and which are matrices to Muon,
 * or tensors, of which all that have two axes decay; nothing of them is kept. Parameters with `bounds`, by
 * path, are kept within them after each step; a bound of a path that is not among them means nothing.
 * @throws ClipError "bad-config" for a pattern that matches no path, "bad-argument" for Muon on tensors.
 */
export function createOptimizer(
  config: OptimizerConfig,
  params: FlatTree<LeafTraits>,
  bounds: Readonly<Record<string, Bounds>> = {},
): Optimizer {
  checkConfig(config);
  const rule = updateRule(config);
  const settings = settleLeaves(config, params, bounds);
  const move = (leaf: LeafUpdate): Tensor[] => {
    const [moved, ...remembered] = rule.apply(leaf) as [Tensor, ...Tensor[]];
    const { min, max } = leaf;
    if (min === undefined || max === undefined) return [moved, ...remembered];
    return [keepWithin(moved, leaf.param, { min, max }), ...remembered];
  };
  const perSlot = <Value>(make: (slot: string) => Value): Record<string, Value> =>
    Object.fromEntries(rule.slots.map((slot) => [slot, make(slot)]));
  const shapes = new Map(settings.map(({ path, shape }) => [path, shape]));
  const slotShape = (slot: string, path: string): readonly number[] => {
    const shape = shapes.get(path);
    const of = shape && (rule.slotShapes?.(shape) ?? rule.slots.map(() => shape))[rule.slots.indexOf(slot)];
    if (of !== undefined) return of;
    throw new ClipError("bad-argument", `The optimiser remembers no "${slot}" of a leaf "${path}".`);
  };
  const matrices = new Set(settings.filter(({ isMatrix }) => isMatrix).map(({ path }) => path));
  return {
    slots: rule.slots,
    leaves: Object.fromEntries(
      settings.map(({ path, weightDecay, multiplier }) => [path, { weightDecay, multiplier, ...bounds[path] }]),
    ),
    matrices,
    whole: rule.slotShapes === undefined ? matrices : new Set(settings.map(({ path }) => path)),
    slotShape,
    updateLeaf: move,
    init: () =>
      perSlot((slot) => Object.fromEntries(settings.map(({ path }) => [path, zeros([...slotShape(slot, path)])]))),
    scalars: rule.scalars,
    update(input) {
      const params: Record<string, Tensor> = {};
      const slots = perSlot((): Record<string, Tensor> => ({}));
      for (const leaf of gatherLeaves(input, settings, rule.slots)) {
        const [param, ...remembered] = tidy(() => move(leaf));
        for (const old of [leaf.param, ...leaf.slots]) old.dispose();
        params[leaf.path] = param as Tensor;
        for (const [index, slot] of rule.slots.entries()) {
          (slots[slot] as Record<string, Tensor>)[leaf.path] = remembered[index] as Tensor;
        }
      }
      return { params, slots };
    },
  };
}
