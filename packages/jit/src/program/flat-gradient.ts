import { pickLeaves, type HostArray, type HostArrays } from "@clip-ts/core";
import { cutGraph } from "../passes/cut-graph.ts";
import { compilePieces } from "./gradient-pieces.ts";
import { optimize } from "../passes/optimize.ts";
import { flattenNames, nestNames, traceTree, type Shaped } from "../trace/trace.ts";
import { rowCount, shapesOf, type StepBatch } from "./batch.ts";
import { compileComparison, type FlatComparison } from "./flat-comparison.ts";
import { reportedBy, traced, type FlatSource } from "./flat-source.ts";
import type { Numbers, Preparation, StepCalls, StepHandlers } from "./program.ts";
import {
  encodeAndPullBackTrace,
  encodeTrace,
  gradientTrace,
  learning,
  pullBackTrace,
  rowSpecs,
} from "./step-traces.ts";
import { compileTree } from "./tree-function.ts";

/** The names of what is kept between encoding and pulling back. */
const keptName = (index: number): string => `kept ${index}`;

/** The gradient of whole batches. */
export interface WholeGradient {
  run(
    given: Readonly<Record<"pairs" | "shared", HostArrays>>,
  ): Promise<{ readonly numbers: Numbers; readonly statistics: HostArrays }>;
  dispose(): Promise<void>;
}

/** The functions of batches that come in parts. */
export interface GradientInParts extends FlatComparison, Pick<StepHandlers, "encode" | "pullBack"> {}

/** Compiles the gradient of whole batches shaped like this one: one graph. */
export async function compileWhole(
  source: FlatSource,
  { parts: [pairs = {}], shared }: StepBatch,
): Promise<WholeGradient> {
  const compiled = await compileTree(source.target, gradientTrace(traced(source), { pairs, shared }));
  const { params: param, gradients: grad } = source.state;
  return {
    async run(given) {
      const inputs = { param, batch: given.pairs, shared: given.shared };
      const { statistic, ...results } = await compiled.run(inputs, { next: { grad } });
      return { numbers: reportedBy(results), statistics: statistic };
    },
    dispose: () => compiled.dispose(),
  };
}

/** What runs for micro-batches of one shape. */
interface PartFunctions {
  readonly rows: Readonly<Record<string, Shaped>>;
  encode(given: StepCalls["encode"]["given"]): Promise<StepCalls["encode"]["gives"]>;
  /** Nothing to do if nothing in the towers learns. */
  pullBack(given: StepCalls["pullBack"]["given"]): Promise<void>;
  dispose(): Promise<void>;
}

/** Functions of one micro-batch among several: it is encoded twice, so that no more than one is in memory. */
async function compilePart(source: FlatSource, pairs: HostArrays): Promise<PartFunctions> {
  const { target, state } = source;
  const { params: param } = state;
  const grad = pickLeaves(source.state.gradients, learning(source.functions).pulled);
  const encode = await compileTree(target, encodeTrace(traced(source), pairs));
  const { feature: rows } = encode.outputs;
  const learns = Object.keys(grad).length > 0;
  const like = { pairs, cotangents: rows };
  const pullBack = learns && (await compileTree(target, pullBackTrace(traced(source), like)));
  return {
    rows,
    async encode({ pairs: batch, statistics }) {
      const given = { param: { ...param, ...statistics }, statistic: {}, batch };
      const { feature, statistic } = await encode.run(given);
      return { rows: feature, statistics: statistic };
    },
    async pullBack({ pairs: batch, cotangents: cotangent }) {
      if (pullBack === false) return;
      await pullBack.run({ param, batch, cotangent, grad }, { next: { grad } });
    },
    async dispose() {
      await encode.dispose();
      if (pullBack !== false) await pullBack.dispose();
    },
  };
}

/**
 * Functions of a batch's only micro-batch: one graph, cut where the cotangents come in. What the encoding
 * computed is kept until then, in the same memory each time.
 */
async function compileCut(
  source: FlatSource,
  pairs: HostArrays,
  bucketBytes: number | undefined,
): Promise<PartFunctions> {
  const { target, state } = source;
  const { params: param } = state;
  const grad = pickLeaves(source.state.gradients, learning(source.functions).pulled);
  const { given, run } = encodeTrace(traced(source), pairs);
  const { feature: rows } = traceTree(run, given).outputs;
  const whole = encodeAndPullBackTrace(traced(source), { pairs, cotangents: rows });
  const { graph, outputs } = traceTree(whole.run, whole.given);
  const waiting = new Set(Object.keys(flattenNames({ cotangent: rows, grad })));
  const { early, late, kept } = cutGraph(optimize(graph), (name) => waiting.has(name), keptName);
  const encode = await target(early);
  const pullBack = await compilePieces(target, late, bucketBytes);
  let held: HostArrays = {};
  return {
    rows,
    async encode({ pairs: batch, statistics }) {
      const inputs = flattenNames<HostArray>({ param: { ...param, ...statistics }, batch });
      const results = await encode.run(inputs, held);
      held = Object.fromEntries(kept.map(({ name }) => [name, results[name] as HostArray]));
      const { feature, statistic } = nestNames(outputs, results);
      return { rows: feature as HostArrays, statistics: statistic as HostArrays };
    },
    async pullBack({ pairs: batch, cotangents: cotangent, finished }) {
      const inputs = { ...flattenNames<HostArray>({ param, batch, cotangent, grad }), ...held };
      await pullBack.run(inputs, flattenNames<HostArray>({ next: { grad } }), finished);
    },
    async dispose() {
      await encode.dispose();
      await pullBack.dispose();
    },
  };
}

/**
 * Compiles the gradients of batches in micro-batches like this one: two functions for each shape of
 * micro-batch, mostly one, and one for all their rows, however many micro-batches there are. Their shares
 * are added up where the optimiser reads them.
 */
export async function compileParts(
  source: FlatSource,
  { batch: { parts, shared }, ranks = 1, local, bucketBytes }: Preparation,
): Promise<GradientInParts> {
  const isCut = parts.length === 1 && learning(source.functions).pulled.length > 0;
  const kinds = new Map<string, PartFunctions>();
  let count = 0;
  for (const pairs of parts) {
    const kind = shapesOf(pairs);
    const part =
      kinds.get(kind) ?? (await (isCut ? compileCut(source, pairs, bucketBytes) : compilePart(source, pairs)));
    kinds.set(kind, part);
    count += rowCount(part.rows);
  }
  const of = (pairs: HostArrays): PartFunctions => kinds.get(shapesOf(pairs)) as PartFunctions;
  const rows = rowSpecs(of(parts[0] ?? {}).rows, count * ranks);
  const { dispose, ...comparison } = await compileComparison(source, { rows, shared, local });
  return {
    encode: (given) => of(given.pairs).encode(given),
    ...comparison,
    pullBack: (given) => of(given.pairs).pullBack(given),
    async dispose() {
      for (const part of kinds.values()) await part.dispose();
      await dispose();
    },
  };
}
