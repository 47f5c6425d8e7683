import type { HostArray, HostArrays, LoadProgram, Preparation, Program, StepCalls, StepHandlers } from "@clip-ts/jit";
import {
  batchShapes,
  type LeafSpecs,
  type NameTree,
  numbersOf,
  programOf,
  scalarArray,
  type StepSource,
} from "@clip-ts/jit/backend";
import { entriesFor, entryName, type PreparedEntries } from "./step-entries.ts";
import { createHolder, keptSpecs, type Holder, type Loaded, type TensorflowLoadOptions } from "./training-holder.ts";

/** Loss and metrics. */
const reportedBy = ({ loss, metric = {}, gradNorm }: NameTree<HostArray>) =>
  numbersOf({
    ...(loss !== undefined && { loss: loss as HostArray }),
    ...(metric as HostArrays),
    ...(gradNorm !== undefined && { gradNorm: gradNorm as HostArray }),
  });

/** The functions of a step as calls of entry points. */
function handlersOf(holder: Holder, { functions }: StepSource, statistics: () => LeafSpecs): StepHandlers {
  const scalarsOf = (scalars: Readonly<Record<string, number>>): HostArrays =>
    Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalarArray(value)]));
  const learnt = Object.keys(functions.update.leaves);
  const pulls = learnt.some((path) => functions.parts?.compared.includes(path) !== true);
  const begin = async (given: HostArrays): Promise<HostArrays> => {
    const isFirst = Object.keys(given).length === 0 && Object.keys(statistics()).length > 0;
    if (!isFirst) return given;
    return (await holder.run(entryName.statistics, {}))["statistic"] as HostArrays;
  };
  const compared = async (name: string, given: NameTree<HostArray>): Promise<StepCalls["compare"]["gives"]> => {
    await holder.clearGradients();
    const { cotangent, ...results } = await holder.run(name, given);
    return { numbers: reportedBy(results), cotangents: cotangent as HostArrays };
  };
  let last: HostArrays | undefined; // the pairs whose encoding is kept
  let begun: HostArrays = {}; // the statistics that it began with
  const encodePairs = (pairs: HostArrays, statistic: HostArrays): Promise<NameTree<HostArray>> => {
    [last, begun] = [pairs, statistic];
    return holder.run(entryName.encode(pairs), { batch: pairs, statistic });
  };
  return {
    async step({ pairs, shared, scalars }) {
      const given = { batch: pairs, shared, scalar: scalarsOf(scalars) };
      return reportedBy(await holder.run(entryName.whole(pairs, shared), given));
    },
    async encode({ pairs, statistics: before }) {
      const { feature, statistic } = await encodePairs(pairs, await begin(before));
      return { rows: feature as HostArrays, statistics: statistic as HostArrays };
    },
    compare: ({ rows, shared }) => compared(entryName.compare(rows, shared), { feature: rows, batch: shared }),
    async sums({ rows, shared }) {
      const { sum } = await holder.run(entryName.sums(rows, shared), { feature: rows, batch: shared });
      return sum as HostArrays;
    },
    slopes: ({ rows, shared, sums }) =>
      compared(entryName.slopes(rows, shared), { feature: rows, batch: shared, sum: sums }),
    async pullBack({ pairs, cotangents }) {
      if (!pulls) return;
      if (pairs !== last) await encodePairs(pairs, begun);
      await holder.run(entryName.pullBack(pairs), { batch: pairs, statistic: begun, cotangent: cotangents });
    },
    async update({ scalars, loss, statistics: after }) {
      const given = { scalar: scalarsOf(scalars), statistic: after, loss: scalarArray(loss) };
      const { gradNorm = Number.NaN } = reportedBy(await holder.run(entryName.update, given));
      return { gradNorm };
    },
  };
}

function programOn(loaded: Loaded, holder: Holder, onCompile?: (shapes: string) => () => void): Program {
  const { source } = loaded;
  const prepared = new Map<string, PreparedEntries>();
  let current: PreparedEntries | undefined;
  const prepare = async (what: Preparation): Promise<void> => {
    const shapes = batchShapes(what.batch);
    const key = `${shapes} of ${what.ranks ?? 1}${what.local === undefined ? "" : ", local"}`;
    current = prepared.get(key);
    if (current !== undefined) return;
    const done = onCompile?.(shapes);
    current = entriesFor(source, what);
    prepared.set(key, current);
    await holder.add(current, what.ranks !== undefined);
    done?.();
  };
  const handlers = handlersOf(holder, source, () => current?.statistics ?? {});
  const { read, write, dispose } = holder;
  return programOf(handlers, { prepare, read, write, dispose });
}

/**
 * A training whose state stays in TensorFlow. One session holds the functions for every combination of
 * shapes seen so far; a new one moves the state to a session with more entry points.
 */
export const tensorflowLoader =
  (options: TensorflowLoadOptions): LoadProgram =>
  async (functions, start, { onCompile } = {}) => {
    const specs = keptSpecs(functions, start.params);
    const loaded = { source: { functions, params: specs.param }, specs, options };
    return programOn(loaded, createHolder(loaded, start), onCompile);
  };
