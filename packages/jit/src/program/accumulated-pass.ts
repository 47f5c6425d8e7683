import { add, type Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { trace } from "../trace/trace.ts";
import type { FlatState } from "./flat-state.ts";
import {
  gradientsOf,
  scalarOutputs,
  scalarsOf,
  specsOf,
  under,
  type GradientPass,
} from "./gradient-pass.ts";
import type { HostArray, HostArrays } from "./host-array.ts";
import { microBatchesOf } from "./micro-batches.ts";
import { prefixed, shapesKey } from "./names.ts";
import type { CompiledFunction, Target } from "./target.ts";
import type { AccumulatedGradient } from "./training-spec.ts";

/** What the three functions are compiled from. */
interface Source {
  readonly spec: AccumulatedGradient;
  readonly state: FlatState;
  readonly target: Target;
}

/** Outputs `feature:*`, the rows of one micro-batch, and `statistic:*`, what these are after it. */
function traceEncode({ spec, state }: Source, like: HostArrays): Graph {
  return trace(
    (inputs) => {
      const encoded = spec.encode(under("param", inputs), under("batch", inputs));
      return {
        ...prefixed("feature", encoded.features),
        ...prefixed("statistic", encoded.statistics ?? {}),
      };
    },
    { ...prefixed("param", specsOf(state.params)), ...prefixed("batch", specsOf(like)) },
  );
}

/** Outputs `loss`, `metric:*`, `cotangent:*`, and `grad:*` of the leaves that nothing else uses. */
function traceCompare({ spec, state }: Source, features: HostArrays, shared: HostArrays): Graph {
  return trace(
    (inputs) => {
      const [params, rows] = [under("param", inputs), under("feature", inputs)];
      const outcome = spec.compare(params, rows, under("batch", inputs));
      return {
        ...scalarOutputs(outcome),
        ...prefixed("cotangent", outcome.cotangents),
        ...prefixed("grad", gradientsOf(spec.compared, outcome.grads)),
      };
    },
    {
      ...prefixed("param", specsOf(state.params)),
      ...prefixed("feature", specsOf(features)),
      ...prefixed("batch", specsOf(shared)),
    },
  );
}

/** Outputs `grad:*`: `sum:*` and one micro-batch's share. */
function tracePullBack(
  { spec, state }: Source,
  like: { readonly batch: HostArrays; readonly cotangents: HostArrays; readonly sums: HostArrays },
): Graph {
  const paths = Object.keys(like.sums);
  return trace(
    (inputs) => {
      const [params, batch] = [under("param", inputs), under("batch", inputs)];
      const pulled = spec.pullBack(params, batch, under("cotangent", inputs));
      const shares = Object.entries(gradientsOf(paths, pulled));
      const sums = shares.map(
        ([path, share]) => [path, add(inputs[`sum:${path}`] as Tensor, share)] as const,
      );
      return prefixed("grad", Object.fromEntries(sums));
    },
    {
      ...prefixed("param", specsOf(state.params)),
      ...prefixed("batch", specsOf(like.batch)),
      ...prefixed("cotangent", specsOf(like.cotangents)),
      ...prefixed("sum", specsOf(like.sums)),
    },
  );
}

/** Shapes of the features that an encoding gives: [rows, …]. */
const featureShapes = ({ outputs }: Graph): Readonly<Record<string, readonly number[]>> =>
  under(
    "feature",
    Object.fromEntries(outputs.map(({ name, value }) => [name, value.shape] as const)),
  );

/** Room for all rows of features shaped like these but for their number. */
function roomFor(shapes: ReturnType<typeof featureShapes>, rows: number): HostArrays {
  const rooms = Object.entries(shapes).map(([name, [, ...rest]]): [string, HostArray] => {
    const size = rest.reduce((product, side) => product * side, rows);
    return [name, { data: new Float32Array(size), shape: [rows, ...rest] }];
  });
  return Object.fromEntries(rooms);
}

/** Rows of arrays from `start` on, in their memory. */
function rowsOf(arrays: HostArrays, start: number, count: number): HostArrays {
  const views = Object.entries(arrays).map(([name, { data, shape }]): [string, HostArray] => {
    const [rows = 1, ...rest] = shape;
    const size = data.length / rows;
    const view = data.subarray(start * size, (start + count) * size);
    return [name, { data: view, shape: [count, ...rest] }];
  });
  return Object.fromEntries(views);
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

/** What runs for one micro-batch, and where its rows lie among those of all. */
interface Turn {
  readonly encode: CompiledFunction;
  /** Absent if nothing in the towers learns. */
  readonly pullBack?: CompiledFunction | undefined;
  readonly features: HostArrays;
  readonly cotangents: HostArrays;
}

/** Everything compiled for batches of one kind. */
interface Compiled {
  readonly turns: readonly Turn[];
  readonly compare: CompiledFunction;
  readonly features: HostArrays;
  readonly cotangents: HostArrays;
}

/** Compiles two functions for each shape of micro-batch, mostly one, and one for all their rows. */
async function compileAll(source: Source, like: HostArrays): Promise<Compiled> {
  const { parts, shared } = microBatchesOf(like);
  const { sums } = splitGradients(source);
  const kinds = new Map(parts.map((batch) => [shapesKey(batch), batch]));
  const encodings = new Map([...kinds].map(([key, batch]) => [key, traceEncode(source, batch)]));
  const shapes = parts.map((batch) => featureShapes(encodings.get(shapesKey(batch)) as Graph));
  const counts = shapes.map((own) => Object.values(own)[0]?.[0] ?? 0);
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const [features, cotangents] = [0, 1].map(() => roomFor(shapes[0] ?? {}, rows)) as [
    HostArrays,
    HostArrays,
  ];
  const compiled = new Map<string, Pick<Turn, "encode" | "pullBack">>();
  let start = 0;
  const turns: Turn[] = [];
  for (const [part, batch] of parts.entries()) {
    const count = counts[part] ?? 0;
    const own = {
      features: rowsOf(features, start, count),
      cotangents: rowsOf(cotangents, start, count),
    };
    const key = shapesKey(batch);
    const ready = compiled.get(key) ?? {
      encode: await source.target(encodings.get(key) as Graph),
      ...(Object.keys(sums).length > 0 && {
        pullBack: await source.target(tracePullBack(source, { batch, sums, ...own })),
      }),
    };
    compiled.set(key, ready);
    turns.push({ ...ready, ...own });
    start += count;
  }
  const compare = await source.target(traceCompare(source, features, shared));
  return { turns, compare, features, cotangents };
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
  const { turns, compare, features, cotangents } = await compileAll(source, like);
  const { compared, sums } = splitGradients(source);
  const params = prefixed("param", source.state.params);
  const totals = { before: prefixed("sum", sums), after: prefixed("grad", sums) };
  return {
    async run(batch) {
      const { parts, shared } = microBatchesOf(batch);
      let statistics: HostArrays = {};
      for (const [part, { encode, features: rows }] of turns.entries()) {
        const given = { ...prefixed("param", statistics), ...prefixed("batch", parts[part] ?? {}) };
        const results = await encode.run({ ...params, ...given }, prefixed("feature", rows));
        statistics = under("statistic", results);
      }
      const results = await compare.run(
        { ...params, ...prefixed("feature", features), ...prefixed("batch", shared) },
        { ...prefixed("cotangent", cotangents), ...prefixed("grad", compared) },
      );
      for (const { data } of Object.values(sums)) data.fill(0);
      for (const [part, { pullBack, cotangents: own }] of turns.entries()) {
        const given = { ...prefixed("batch", parts[part] ?? {}), ...prefixed("cotangent", own) };
        await pullBack?.run({ ...params, ...given, ...totals.before }, totals.after);
      }
      return { scalars: scalarsOf(results), statistics };
    },
    async dispose() {
      const all = turns.flatMap(({ encode, pullBack }) => [encode, pullBack]);
      for (const compiled of new Set([...all, compare])) await compiled?.dispose();
    },
  };
}
