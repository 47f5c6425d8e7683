import { optimize, type Graph, type HostArrays, type Preparation } from "@clip-ts/jit";
import {
  batchShapes,
  compareTrace,
  cutGraph,
  encodeAndPullBackTrace,
  encodeTrace,
  flattenNames,
  guarded,
  learning,
  type LeafSpecs,
  type NameTree,
  replacements,
  rowCount,
  rowSpecs,
  shapesOf,
  slopesTrace,
  sumsTrace,
  type StepSource,
  type Traceable,
  traceTree,
} from "@clip-ts/jit/backend";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { EntryPoint } from "./write-saved-model.ts";
import { statisticsTrace, updateTrace, wholeTrace } from "./update-traces.ts";

/** An entry point of a training step, and how what it gives lies in a tree. */
export interface StepEntry {
  readonly entryPoint: EntryPoint;
  readonly outputs: NameTree<{ readonly shape: readonly number[] }>;
}

/** Entry points by name; those of the same name are the same. */
export type StepEntries = Readonly<Record<string, StepEntry>>;

/** What entry points are called. */
export const entryName = {
  whole: (pairs: HostArrays, shared: HostArrays): string => batchShapes({ parts: [pairs], shared }),
  encode: (pairs: HostArrays): string => `encode ${shapesOf(pairs)}`,
  compare: (rows: LeafSpecs, shared: HostArrays): string => `compare ${shapesOf({ ...rows, ...shared })}`,
  sums: (rows: LeafSpecs, shared: HostArrays): string => `sums ${shapesOf({ ...rows, ...shared })}`,
  slopes: (rows: LeafSpecs, shared: HostArrays): string => `slopes ${shapesOf({ ...rows, ...shared })}`,
  pullBack: (pairs: HostArrays): string => `pull back ${shapesOf(pairs)}`,
  statistics: "statistics",
  update: "update",
} as const;

/** The outputs of a graph that replace state. */
const updatesOf = (graph: Graph): Record<string, string> =>
  Object.fromEntries(replacements(graph).map(({ state, output }) => [state, output] as const));

/** The entry point of a graph, whose outputs lie in a tree like this. */
function entryOf(
  { graph: raw, outputs }: { readonly graph: Graph; readonly outputs: StepEntry["outputs"] },
  more: Pick<EntryPoint, "mustBeFinite"> = {},
): StepEntry {
  const graph = optimize(raw);
  return { entryPoint: { graph, updates: updatesOf(graph), ...more }, outputs };
}

const traced = <Given extends NameTree<LeafSpecs[string]>, Gives extends NameTree<Tensor>>({
  run,
  given,
}: Traceable<Given, Gives>): ReturnType<typeof traceTree<Given, Gives>> => traceTree(run, given);

const mustBeFinite = [...guarded];

/** The entry points of batches shaped like this one, and the statistics that pass between micro-batches. */
export interface PreparedEntries {
  readonly entries: StepEntries;
  readonly statistics: LeafSpecs;
  /** What encoding leaves for pulling back. */
  readonly kept?: LeafSpecs;
}

/** The functions of micro-batches of one shape, what their encoding gives and what it leaves behind. */
interface KindEntries extends Readonly<Record<"feature" | "statistic" | "kept", LeafSpecs>> {
  readonly entries: StepEntries;
}

/** Of micro-batches of which nothing learns: their rows are all there is. */
function encodeEntries(source: StepSource, pairs: HostArrays): KindEntries {
  const plain = traced(encodeTrace(source, pairs));
  const { feature, statistic } = plain.outputs;
  const isPlain = Object.keys(statistic).length === 0;
  const encode = entryOf(isPlain ? plain : traced(encodeTrace(source, pairs, statistic)));
  return { entries: { [entryName.encode(pairs)]: encode }, feature, statistic, kept: {} };
}

/**
 * Encoding and pulling back as one graph, cut where the cotangents come in. What the encoding computed stays in
 * TensorFlow until then: a batch's only micro-batch is encoded once, several are encoded again one by one, by the same
 * operations, so that they give the same bits wherever they are computed.
 */
function cutEntries(source: StepSource, pairs: HostArrays): KindEntries {
  const { feature, statistic } = traced(encodeTrace(source, pairs)).outputs;
  const trace = encodeAndPullBackTrace(source, {
    pairs,
    cotangents: feature,
    statistics: statistic,
  });
  const { graph, outputs } = traced(trace);
  const waiting = flattenNames({ cotangent: feature, grad: trace.given.grad });
  const nameOf = (index: number): string => `kept ${shapesOf(pairs)} ${index}`;
  const { early, late, kept } = cutGraph(optimize(graph), (name) => name in waiting, nameOf);
  const keeping = Object.fromEntries(kept.map(({ name }) => [name, name] as const));
  const entries = {
    [entryName.encode(pairs)]: { entryPoint: { graph: early, updates: keeping }, outputs },
    [entryName.pullBack(pairs)]: { entryPoint: { graph: late, updates: updatesOf(late) }, outputs },
  };
  const specs = kept.map(({ name, value }) => [name, value] as const);
  return { entries, feature, statistic, kept: Object.fromEntries(specs) };
}

/** The comparison of these rows, those of all ranks; in local form for a rank's place among them. */
function compareEntries(
  source: StepSource,
  { rows, shared, local }: { readonly rows: LeafSpecs; readonly shared: HostArrays } & Pick<Preparation, "local">,
): StepEntries {
  if (local === undefined)
    return { [entryName.compare(rows, shared)]: entryOf(traced(compareTrace(source, rows, shared))) };
  const given = { rows, shared, place: local };
  const phase = traced(sumsTrace(source, given));
  const ownSums = phase.outputs.sum;
  return {
    [entryName.sums(rows, shared)]: entryOf(phase),
    [entryName.slopes(rows, shared)]: entryOf(traced(slopesTrace(source, { ...given, ownSums }))),
  };
}

/** Functions that are built once for each shape of micro-batch and run in a loop. */
function partEntries(
  source: StepSource,
  { batch: { parts, shared }, scalars, ranks = 1, local }: Preparation,
): PreparedEntries {
  const kinds = new Map(parts.map((pairs) => [shapesOf(pairs), pairs]));
  const entriesOf = learning(source.functions).pulled.length > 0 ? cutEntries : encodeEntries;
  const made = new Map([...kinds].map(([kind, pairs]) => [kind, entriesOf(source, pairs)]));
  const [{ feature, statistic }] = [...made.values()] as [KindEntries];
  const rows = parts.reduce((sum, pairs) => sum + rowCount(made.get(shapesOf(pairs))?.feature ?? {}), 0);
  const all = rowSpecs(feature, rows * ranks);
  const update = entryOf(traced(updateTrace(source, scalars, statistic)), { mustBeFinite });
  const hasStatistics = Object.keys(statistic).length > 0;
  const entries = Object.assign({}, ...[...made.values()].map((kind) => kind.entries), {
    ...compareEntries(source, { rows: all, shared, local }),
    ...(hasStatistics && { [entryName.statistics]: entryOf(traced(statisticsTrace(statistic))) }),
    [entryName.update]: update,
  }) as StepEntries;
  const kept = Object.assign({}, ...[...made.values()].map((kind) => kind.kept)) as LeafSpecs;
  return { entries, statistics: statistic, kept };
}

/** The entry points of steps on batches shaped like this one. */
export function entriesFor(source: StepSource, what: Preparation): PreparedEntries {
  const { parts, shared } = what.batch;
  if (parts.length > 1 || what.ranks !== undefined) return partEntries(source, what);
  const name = entryName.whole(parts[0] ?? {}, shared);
  const entry = entryOf(traced(wholeTrace(source, what)), { mustBeFinite });
  return { entries: { [name]: entry }, statistics: {} };
}
