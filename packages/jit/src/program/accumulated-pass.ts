import type { Graph } from "../ir/graph.ts";
import type { FlatState } from "./flat-state.ts";
import { scalarsOf, under, type GradientPass } from "./gradient-pass.ts";
import type { HostArrays } from "@clip-ts/core";
import { layOutRows, type MicroBatchRows } from "./micro-batch-rows.ts";
import { microBatchesOf } from "./micro-batches.ts";
import { prefixed, shapesKey } from "./names.ts";
import type { CompiledFunction, Target } from "./target.ts";
import { traceCompare, traceEncode, tracePullBack } from "./trace-accumulated.ts";
import type { AccumulatedGradient } from "./training-spec.ts";

/** What the three functions are compiled from. */
interface Source {
  readonly spec: AccumulatedGradient;
  readonly state: FlatState;
  readonly target: Target;
}

/** Leaves whose gradients the comparison gives, and those whose shares are summed. */
function splitGradients({ spec, state }: Source): { compared: HostArrays; sums: HostArrays } {
  const isCompared = new Set(spec.compared);
  const pick = (wanted: boolean): HostArrays =>
    Object.fromEntries(
      Object.entries(state.grads).filter(([path]) => isCompared.has(path) === wanted),
    );
  return { compared: pick(true), sums: pick(false) };
}

/** What runs for a micro-batch of one shape. */
interface Functions {
  readonly encode: CompiledFunction;
  /** Absent if nothing in the towers learns. */
  readonly pullBack?: CompiledFunction;
}

/** What runs for one micro-batch, and where its rows lie. */
type Turn = Functions & MicroBatchRows["parts"][number];

/** Everything compiled for batches of one kind. */
interface Compiled {
  /** For each micro-batch; those of the same shape share their functions. */
  readonly turns: readonly Turn[];
  readonly compare: CompiledFunction;
  readonly rows: MicroBatchRows;
}

/** Compiles two functions for each shape of micro-batch, mostly one, and one for all their rows. */
async function compileAll(source: Source, like: HostArrays): Promise<Compiled> {
  const { spec, state, target } = source;
  const { parts, shared } = microBatchesOf(like);
  const { sums } = splitGradients(source);
  const traced = { spec, params: state.params };
  const kinds = new Map(parts.map((batch) => [shapesKey(batch), batch]));
  const encodings = new Map([...kinds].map(([key, batch]) => [key, traceEncode(traced, batch)]));
  const keys = parts.map(shapesKey);
  const rows = layOutRows(keys.map((key) => encodings.get(key) as Graph));
  const compiled = new Map<string, Functions>();
  for (const [key, batch] of kinds) {
    const { cotangents = {} } = rows.parts[keys.indexOf(key)] ?? {};
    const encode = await target(encodings.get(key) as Graph);
    const learns = Object.keys(sums).length > 0;
    const pullBack = learns && (await target(tracePullBack(traced, { batch, cotangents, sums })));
    compiled.set(key, pullBack === false ? { encode } : { encode, pullBack });
  }
  const compare = await target(traceCompare(traced, rows.features, shared));
  const turns = rows.parts.map((own, part) => ({
    ...own,
    ...(compiled.get(keys[part] as string) as Functions),
  }));
  return { turns, compare, rows };
}

/**
 * Compiles the gradients of batches in micro-batches like this one: three functions, run in a loop, so
 * that compiling takes the same time however many micro-batches there are. Their shares are added up
 * where the optimiser reads them.
 */
export async function compileAccumulatedPass(
  source: Source,
  like: HostArrays,
): Promise<GradientPass> {
  const { turns, compare, rows } = await compileAll(source, like);
  const { features, cotangents } = rows;
  const { compared, sums } = splitGradients(source);
  const params = prefixed("param", source.state.params);
  const totals = { before: prefixed("sum", sums), after: prefixed("grad", sums) };
  return {
    async run(batch) {
      const { parts, shared } = microBatchesOf(batch);
      const given = parts.map((part) => ({ ...params, ...prefixed("batch", part) }));
      let statistics: HostArrays = {};
      for (const [part, { encode, features: own }] of turns.entries()) {
        const inputs = { ...given[part], ...prefixed("param", statistics) };
        statistics = under("statistic", await encode.run(inputs, prefixed("feature", own)));
      }
      const results = await compare.run(
        { ...params, ...prefixed("feature", features), ...prefixed("batch", shared) },
        { ...prefixed("cotangent", cotangents), ...prefixed("grad", compared) },
      );
      for (const { data } of Object.values(sums)) data.fill(0);
      for (const [part, { pullBack, cotangents: own }] of turns.entries()) {
        const inputs = { ...given[part], ...prefixed("cotangent", own), ...totals.before };
        await pullBack?.run(inputs, totals.after);
      }
      return { scalars: scalarsOf(results), statistics };
    },
    async dispose() {
      const all = turns.flatMap(({ encode, pullBack }) => [encode, pullBack]);
      for (const compiled of new Set([...all, compare])) await compiled?.dispose();
    },
  };
}
