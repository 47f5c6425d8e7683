import { ClipError } from "@clip-ts/base";
import { pickLeaves, type HostArrays } from "@clip-ts/core";
import { add, slice, type Tensor } from "@tensorflow/tfjs-core";
import type { InputSpec, NamedTensors } from "../trace/trace.ts";
import { specsOf } from "./batch.ts";
import { localPartsOf, partsOf } from "./program.ts";
import type { Comparison, Gradients, RankPlace, RankRows, StepFunctions } from "./step-functions.ts";
import { traceable } from "./tree-function.ts";

/** Shapes of leaves by path. */
export type LeafSpecs = Readonly<Record<string, InputSpec>>;

/** Specs of so many rows like these. */
export const rowSpecs = (rows: LeafSpecs, count: number): LeafSpecs =>
  Object.fromEntries(Object.entries(rows).map(([name, { shape }]) => [name, { shape: [count, ...shape.slice(1)] }]));

/** Specs of what ranks gather: of each one's rows like these. */
const gatheredSpecs = (own: LeafSpecs, size: number): LeafSpecs =>
  Object.fromEntries(
    Object.entries(own).map(([name, { shape }]) => {
      const [count = 0, ...row] = shape;
      return [name, { shape: [count * size, ...row] }];
    }),
  );

/** What the functions of a step are traced from. */
export interface StepSource {
  readonly functions: StepFunctions;
  /** All parameters. */
  readonly params: LeafSpecs;
}

/** The gradients of these leaves. @throws ClipError "bad-argument" naming a leaf that has none. */
export function gradientsOf(paths: readonly string[], grads: NamedTensors): NamedTensors {
  const missing = paths.find((path) => grads[path] === undefined);
  if (missing === undefined) {
    return pickLeaves(grads, paths);
  }
  throw new ClipError("bad-argument", `There is no gradient for the leaf "${missing}".`);
}

/** What a comparison reports. */
const reported = ({ loss, metrics = {} }: Omit<Gradients, "grads">) => ({ loss, metric: metrics });

/** Paths of the leaves that learn: those whose gradients the comparison gives, and the others. */
export function learning(functions: StepFunctions): { compared: string[]; pulled: string[] } {
  const isCompared = new Set(partsOf(functions).compared);
  const paths = Object.keys(functions.update.leaves);
  return {
    compared: paths.filter((path) => isCompared.has(path)),
    pulled: paths.filter((path) => !isCompared.has(path)),
  };
}

/** The whole gradient of a batch. */
export function gradientTrace(
  { functions, params }: StepSource,
  { pairs, shared }: Readonly<Record<"pairs" | "shared", HostArrays>>,
) {
  const paths = Object.keys(functions.update.leaves);
  const given = { param: params, batch: specsOf(pairs), shared: specsOf(shared) };
  return traceable(given, ({ param, batch, shared: all }) => {
    const outcome = functions.gradient(param, batch, all);
    return {
      ...reported(outcome),
      next: { grad: gradientsOf(paths, outcome.grads) },
      statistic: outcome.statistics ?? {},
    };
  });
}

/**
 * The rows of one micro-batch, and what the statistics are after it. `statistics` come in beside the other
 * parameters: they pass from micro-batch to micro-batch.
 */
export function encodeTrace({ functions, params }: StepSource, pairs: HostArrays, statistics: LeafSpecs = {}) {
  const others = Object.entries(params).filter(([path]) => !(path in statistics));
  const given = {
    param: Object.fromEntries(others),
    statistic: statistics,
    batch: specsOf(pairs),
  };
  return traceable(given, ({ param, statistic, batch }) => {
    const encoded = partsOf(functions).encode({ ...param, ...statistic }, batch);
    return { feature: encoded.rows, statistic: encoded.statistics ?? {} };
  });
}

/** What a comparison tells, where it belongs. */
const compared = (functions: StepFunctions, outcome: Comparison) => ({
  ...reported(outcome),
  cotangent: outcome.cotangents,
  next: { grad: gradientsOf(learning(functions).compared, outcome.grads) },
});

/** The loss of all rows, its gradient by them, and by the leaves that nothing else uses. */
export function compareTrace({ functions, params }: StepSource, rows: LeafSpecs, shared: HostArrays) {
  const given = { param: params, feature: rows, batch: specsOf(shared) };
  return traceable(given, ({ param, feature, batch }) =>
    compared(functions, partsOf(functions).compare(param, feature, batch)),
  );
}

/** The rows of all ranks, and which of them are a rank's own. */
export function rankRows(all: NamedTensors, { rank, size }: RankPlace): RankRows {
  const own = Object.entries(all).map(([name, x]) => {
    const [count = 0, ...rest] = x.shape;
    const start = (rank * count) / size;
    return [name, slice(x, [start, ...rest.map(() => 0)], [count / size, ...rest])] as const;
  });
  return { own: Object.fromEntries(own), all, rank, size };
}

/** What `LocalParts` are traced for. */
export interface LocalGiven {
  /** Of all ranks. */
  readonly rows: LeafSpecs;
  readonly shared: HostArrays;
  readonly place: RankPlace;
}

/** What a rank's rows tell of all. */
export function sumsTrace({ functions, params }: StepSource, { rows, shared, place }: LocalGiven) {
  const given = { param: params, feature: rows, batch: specsOf(shared) };
  return traceable(given, ({ param, feature, batch }) => ({
    sum: localPartsOf(functions.parts).sums(param, rankRows(feature, place), batch),
  }));
}

/**
 * The loss of all rows by the sums of all, and what of its gradient is a rank's. `ownSums` are those that `sumsTrace`
 * gives of a rank's rows.
 */
export function slopesTrace(
  { functions, params }: StepSource,
  { rows, shared, place, ownSums }: LocalGiven & { readonly ownSums: LeafSpecs },
) {
  const sums = gatheredSpecs(ownSums, place.size);
  const given = { param: params, feature: rows, batch: specsOf(shared), sum: sums };
  return traceable(given, ({ param, feature, batch, sum }) =>
    compared(functions, localPartsOf(functions.parts).slopes(param, rankRows(feature, place), batch, sum)),
  );
}

/** Rows and share of a batch's only micro-batch in one: what its encoding computes need not be computed again. */
export function encodeAndPullBackTrace(
  source: StepSource,
  {
    pairs,
    cotangents,
    statistics = {},
  }: {
    readonly pairs: HostArrays;
    readonly cotangents: LeafSpecs;
    readonly statistics?: LeafSpecs;
  },
) {
  const encode = encodeTrace(source, pairs, statistics);
  const pullBack = pullBackTrace(source, { pairs, cotangents });
  const given = { ...pullBack.given, ...encode.given };
  return traceable(given, ({ param, statistic, batch, cotangent, grad }) => ({
    ...encode.run({ param, statistic, batch }),
    ...pullBack.run({ param: { ...param, ...statistic }, batch, cotangent, grad }),
  }));
}

/** One micro-batch's share, added to what the gradients are so far. */
export function pullBackTrace(
  source: StepSource,
  { pairs, cotangents }: { readonly pairs: HostArrays; readonly cotangents: LeafSpecs },
) {
  const { functions, params } = source;
  const { pulled } = learning(functions);
  const given = {
    param: params,
    batch: specsOf(pairs),
    cotangent: cotangents,
    grad: pickLeaves(params, pulled),
  };
  return traceable(given, ({ param, batch, cotangent, grad }) => {
    const shares = partsOf(functions).pullBack(param, batch, cotangent);
    const sums = Object.entries(gradientsOf(pulled, shares)).map(
      ([path, share]) => [path, add(grad[path] as Tensor, share)] as const,
    );
    return { next: { grad: Object.fromEntries(sums) } };
  });
}
