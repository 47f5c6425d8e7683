import type { Tensor } from "@tensorflow/tfjs-core";
import type { FlatTree } from "@clip-ts/core";
import type { LeafUpdate } from "./update-rule.ts";
import type { AdamwConfig } from "./adamw.ts";
import type { LionConfig } from "./lion.ts";
import type { MuonConfig } from "./muon.ts";
import type { PathRules } from "./path-rules.ts";
import type { Scalars } from "./scalar-value.ts";
import type { SgdConfig } from "./sgd.ts";

/** What holds for every optimiser: which parameters decay, and how fast each one learns. */
export interface PerParameterConfig {
  /** Where weight decay applies; paths without a rule follow `decaysByDefault`. */
  readonly decay?: PathRules<boolean>;
  /** Factors on the learning rate; 1 for paths without a rule. */
  readonly multipliers?: PathRules<number>;
}

/** An optimiser as data: it can be printed, compared and stored beside the weights. */
export type OptimizerConfig = (AdamwConfig | SgdConfig | LionConfig | MuonConfig) &
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
  /** Every parameter's settings by path. */
  readonly leaves: Readonly<Record<string, LeafSettings>>;
  /**
   * The new parameter and slots of one leaf. Treats every element alike unless the leaf is one of
   * `matrices`, so all others with equal settings may be laid end to end. Borrows everything.
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
