import { clone } from "@tensorflow/tfjs-core";
import {
  type AccumulatedGradient,
  type Graph,
  type HostArray,
  type HostArrays,
  optimize,
  trace,
  type TrainingSpec,
} from "@clip-ts/jit";
import {
  layOutRows,
  microBatchesOf,
  type MicroBatchRows,
  numbersOf,
  prefixed,
  scalarsOf,
  shapesKey,
  specsOf,
  traceCompare,
  traceEncode,
  tracePullBack,
  under,
} from "@clip-ts/jit/backend";
import type { StepSpec } from "./emit-step.ts";
import type { TensorflowProgram } from "./tensorflow-program.ts";
import { traceUpdate } from "./trace-training-step.ts";
import {
  mustBeFinite,
  scalar,
  scalarInputs,
  updatesOf,
  type StepShapes,
  type TrainingSteps,
} from "./training-steps.ts";

/** Where shares of a gradient are added up, by the names that the sums have in a program. */
export function sumsOf({ leaves, params }: TrainingSpec): Record<string, HostArray> {
  const paths = Object.keys(leaves);
  const sums = Object.fromEntries(paths.map((path) => [path, params[path] as HostArray]));
  return prefixed("sum", sums);
}

/** The outputs called `grad:*` replace the sums. */
const sumUpdates = ({ outputs }: Graph): Record<string, string> =>
  Object.fromEntries(
    outputs
      .filter(({ name }) => name.startsWith("grad:"))
      .map(({ name }) => [name.replace("grad:", "sum:"), name]),
  );

/** The arrays called `statistic:*` among a graph's outputs; shapes only, by path. */
function statisticsOf({ outputs }: Graph): HostArrays {
  const shapes = outputs.map(({ name, value }): [string, HostArray] => [
    name,
    { data: new Float32Array(0), shape: value.shape },
  ]);
  return under("statistic", Object.fromEntries(shapes));
}

/** The same graph with statistics given from outside: they pass from micro-batch to micro-batch. */
function withGivenStatistics(graph: Graph): Graph {
  const paths = Object.keys(statisticsOf(graph));
  const names = new Map(paths.map((path) => [`param:${path}`, `statistic:${path}`]));
  const inputs = graph.inputs.map(({ name, value }) => ({ name: names.get(name) ?? name, value }));
  return { ...graph, inputs };
}

/** Reads the statistics that a step begins with. */
function traceStatistics(statistics: HostArrays): Graph {
  return trace(
    (given) => {
      const read = Object.entries(under("param", given)).map(
        ([path, x]) => [path, clone(x)] as const,
      );
      return prefixed("statistic", Object.fromEntries(read));
    },
    prefixed("param", specsOf(statistics)),
  );
}

/** What the steps of batches of one kind are called, and where their rows lie. */
interface Plan {
  /** For each micro-batch: its functions are named after its shapes. */
  readonly kinds: readonly string[];
  readonly compare: string;
  readonly rows: MicroBatchRows;
  readonly hasStatistics: boolean;
  /** Whether something in the towers learns. */
  readonly pullsBack: boolean;
}

const nameOf = {
  encode: (kind: string): string => `encode ${kind}`,
  pullBack: (kind: string): string => `pull back ${kind}`,
  statistics: "statistics",
  update: "update",
} as const;

/** One step on a program: features of all micro-batches, loss, shares of the gradient, update. */
async function runPlan(
  { kinds, compare, rows, hasStatistics, pullsBack }: Plan,
  program: TensorflowProgram,
  { batch, scalars }: { readonly batch: HostArrays; readonly scalars: Record<string, number> },
): Promise<Record<string, number>> {
  const { parts, shared } = microBatchesOf(batch);
  const turns = rows.parts.map((own, part) => ({
    ...own,
    kind: kinds[part] as string,
    given: prefixed("batch", parts[part] as HostArrays),
  }));
  let statistics = hasStatistics ? await program.run(nameOf.statistics, {}) : {};
  for (const { kind, given, features } of turns) {
    const inputs = { ...given, ...statistics };
    const room = prefixed("feature", features);
    const results = await program.run(nameOf.encode(kind), inputs, room);
    statistics = prefixed("statistic", under("statistic", results));
  }
  await program.clearScratch();
  const results = await program.run(
    compare,
    { ...prefixed("feature", rows.features), ...prefixed("batch", shared) },
    prefixed("cotangent", rows.cotangents),
  );
  for (const { kind, given, cotangents } of pullsBack ? turns : []) {
    await program.run(nameOf.pullBack(kind), { ...given, ...prefixed("cotangent", cotangents) });
  }
  const compared = scalarsOf(results);
  const loss = scalar(compared["loss"] as number);
  const inputs = { ...scalarInputs(scalars), ...statistics, loss };
  return { ...compared, ...numbersOf(await program.run(nameOf.update, inputs)) };
}

/**
 * The steps of batches in micro-batches: functions that are built once for each shape of micro-batch and
 * run in a loop. They share the sums of `sumsOf`, which the program must have as scratch.
 */
export function accumulatedSteps(
  spec: TrainingSpec,
  accumulated: AccumulatedGradient,
  { batch, scalars }: StepShapes,
): TrainingSteps {
  const source = { spec: accumulated, params: spec.params };
  const { parts, shared } = microBatchesOf(batch);
  const kinds = parts.map(shapesKey);
  const encodings = new Map(parts.map((part) => [shapesKey(part), part]));
  const traced = new Map([...encodings].map(([kind, part]) => [kind, traceEncode(source, part)]));
  const rows = layOutRows(kinds.map((kind) => traced.get(kind) as Graph));
  const statistics = statisticsOf(traced.get(kinds[0] as string) as Graph);
  const learning = Object.keys(spec.leaves).filter((path) => !accumulated.compared.includes(path));
  const sums = Object.fromEntries(learning.map((path) => [path, spec.params[path] as HostArray]));
  const compare = `compare ${shapesKey({ ...rows.features, ...shared })}`;
  const hasStatistics = Object.keys(statistics).length > 0;
  const pullsBack = learning.length > 0;

  const steps: Record<string, StepSpec> = {};
  const add = (
    name: string,
    raw: Graph,
    more?: (graph: Graph) => Omit<StepSpec, "graph">,
  ): void => {
    const graph = optimize(raw);
    steps[name] = { graph, ...more?.(graph) };
  };
  for (const [kind, part] of encodings) {
    add(nameOf.encode(kind), withGivenStatistics(traced.get(kind) as Graph));
    const { cotangents = {} } = rows.parts[kinds.indexOf(kind)] ?? {};
    if (!pullsBack) continue;
    const pullBack = tracePullBack(source, { batch: part, cotangents, sums });
    add(nameOf.pullBack(kind), pullBack, (graph) => ({ updates: sumUpdates(graph) }));
  }
  add(compare, traceCompare(source, rows.features, shared), (graph) => ({
    updates: sumUpdates(graph),
  }));
  if (hasStatistics) add(nameOf.statistics, traceStatistics(statistics));
  add(nameOf.update, traceUpdate(spec, statistics, scalars), (graph) => ({
    updates: updatesOf(graph),
    mustBeFinite,
  }));
  const plan = { kinds, compare, rows, hasStatistics, pullsBack };
  return {
    steps,
    run: (program, given, numbers) => runPlan(plan, program, { batch: given, scalars: numbers }),
  };
}
