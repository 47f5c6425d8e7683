import type { RandomStream } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";

/** Tensors by name whose first axis counts pairs. */
export type Rows = Readonly<Record<string, Tensor>>;

/** What `encode` gives for some pairs. */
export type Encoded<Row extends Rows> = {
  /**
   * What `compare` needs of each pair. A term of each pair's own, such as a caption's loss, is one row
   * more, [pairs]: `compare` adds its mean, and its gradient comes back as any row's does.
   */
  readonly rows: Row;
  /** What parameters that are not trained become, by path: running statistics. */
  readonly statistics: Readonly<Record<string, Tensor>>;
};

/** What `compare` gives for the rows of all pairs. */
export type Compared = {
  readonly loss: Scalar;
  /** Further scalars worth reporting. They get no gradient. */
  readonly metrics: Readonly<Record<string, Tensor>>;
};

/** The rows of one of several ranks that learn from one batch together. */
export interface RankRows<Row extends Rows> {
  /** This rank's. */
  readonly own: Row;
  /** Those of all ranks, one rank's after the other's. */
  readonly all: Row;
  /** This rank's place, from 0. */
  readonly rank: number;
  /** How many ranks there are; all have as many rows. */
  readonly size: number;
}

/**
 * `compare` in local form, for batches of which no rank should hold what grows with the square of their pairs: each
 * rank compares its own rows with those of all. What the ranks have to know of each other's rows is gathered between
 * two phases.
 */
export interface LocalComparison<Params extends object, Row extends Rows, Shared extends object> {
  /** What this rank's rows tell of all: tensors by name, [own rows] each. They get no gradient. */
  sums(params: Params, rows: RankRows<Row>, shared: Shared): Rows;
  /**
   * The loss of all rows by the sums of all, the same on every rank, as are its metrics. Its gradient by `rows.own` is
   * whole; by parameters it is this rank's share, those of all ranks add up to it. `rows.all` gets none.
   */
  compare(params: Params, rows: RankRows<Row>, shared: Shared, sums: Rows): Compared;
}

/** Values that a parameter keeps to after each step. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Names of what an objective reads. */
export interface ObjectiveInputs<Batch extends object, Shared extends object> {
  /**
   * What `encode` reads of a batch, one row for each pair: may be split into micro-batches. Numbers from 0 to 255 may
   * come as bytes (Uint8ClampedArray), a quarter of the memory; `encode` sees them as float32.
   */
  readonly pairs: readonly (keyof Batch & string)[];
  /** What `compare` reads beside rows, of all pairs of a step together. */
  readonly shared: readonly (keyof Shared & string)[];
  /** Paths of parameters that only `compare` reads; `encode` reads the others. */
  readonly compared: readonly string[];
}

/** How the towers are run. */
export interface EncodeOptions {
  /** Batch norms use the batch's own statistics; false by default. */
  readonly training?: boolean;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean;
  /** Towers in which nothing learns: they are run without a tape. */
  readonly frozen?: { readonly image: boolean; readonly text: boolean };
}

/**
 * What training makes small, in two halves: `encode` looks at each pair alone, `compare` at all of them.
 * Between them a batch may be put together from micro-batches: the gradient by the rows is all that the
 * halves have to tell each other (GradCache, Gao et al. 2021, arXiv:2101.06983). Both are pure and borrow
 * what they are given; the caller owns what they return.
 */
export interface Objective<
  Params extends object,
  Batch extends object,
  Row extends Rows = Rows,
  Shared extends object = object,
> {
  readonly inputs: ObjectiveInputs<Batch, Shared>;
  /** Must give the same rows each time, and each pair's whatever others are in the batch. */
  encode(params: Params, batch: Batch, options?: EncodeOptions): Encoded<Row>;
  compare(params: Params, rows: Row, shared: Shared): Compared;
  /** The same where ranks learn together, if it can be had so. */
  readonly local?: LocalComparison<Params, Row, Shared> | undefined;
  /** By path; what has none learns freely. */
  readonly bounds: Readonly<Record<string, Bounds>>;
  /** Throws where the arrays of a step cannot be what is meant, in ways that graphs of them do not show. */
  check?(batch: HostArrays): void;
  /**
   * What a training step draws, such as the patches that it looks at: arrays by the names of `inputs.pairs`. Nothing by
   * default. Asked pair by pair, so that what a pair gets depends on its place in the step and not on how many ranks
   * share the step: `batch` has one pair, and `stream` gives random numbers for a purpose and this pair of this step.
   */
  draws?(
    batch: HostArrays,
    stream: (purpose: string) => RandomStream,
    frozen: NonNullable<EncodeOptions["frozen"]>,
  ): HostArrays;
}
