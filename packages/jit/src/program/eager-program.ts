import { toHost, toTensor, type HostArrays } from "@clip-ts/core";
import { add, dispose, tidy, zeros, type Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../trace/trace.ts";
import { numbersOf } from "./batch.ts";
import {
  gradientLength,
  isFiniteStep,
  moveLeaf,
  slotShapeOf,
  type Comparison,
  type Gradients,
  type LeafRule,
  type StepFunctions,
  type StepScalars,
} from "./step-functions.ts";
import {
  localPartsOf,
  partsOf,
  programOf,
  shapeOfLeaf,
  type LoadProgram,
  type Numbers,
  type ProgramState,
  type StartingState,
  type StepCalls,
  type StepHandlers,
} from "./program.ts";
import { gradientsOf, learning, rankRows } from "./step-traces.ts";

type Leaves = Record<string, Tensor>;

/** The state of a training in tensors of the running engine. */
interface EagerState {
  readonly params: Leaves;
  readonly slots: Readonly<Record<string, Leaves>>;
  readonly gradients: Leaves;
}

const tensorsOf = (arrays: HostArrays): Leaves =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, toTensor(array)]));

/** Copies, which do not change with the arrays. */
const copiesOf = (arrays: HostArrays): Leaves =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape }]) => [name, toTensor({ data: data.slice(), shape })]),
  );

async function arraysOf(tensors: NamedTensors): Promise<HostArrays> {
  const arrays = Object.entries(tensors).map(async ([name, x]) => [name, await toHost(x)] as const);
  return Object.fromEntries(await Promise.all(arrays));
}

/** Puts new tensors in the place of those of the same names, which are disposed. */
function replace(leaves: Leaves, next: NamedTensors): void {
  for (const [path, leaf] of Object.entries(next)) {
    leaves[path]?.dispose();
    leaves[path] = leaf;
  }
}

/** Reads tensors and disposes them. */
async function taken(tensors: NamedTensors): Promise<HostArrays> {
  const arrays = await arraysOf(tensors);
  dispose({ ...tensors });
  return arrays;
}

function createState(update: LeafRule, start: StartingState): EagerState {
  const { leaves, slots } = update;
  const begin = (slot: string): Leaves => {
    const given = copiesOf(start.slots?.[slot] ?? {});
    const missing = Object.keys(leaves).filter((path) => given[path] === undefined);
    const shapeOf = (path: string): readonly number[] =>
      slotShapeOf(update, slot, [path, shapeOfLeaf(start.params, path)]);
    const others = missing.map((path) => [path, zeros([...shapeOf(path)])]);
    return { ...given, ...(Object.fromEntries(others) as Leaves) };
  };
  return {
    params: copiesOf(start.params),
    slots: Object.fromEntries(slots.map((slot) => [slot, begin(slot)])),
    gradients: {},
  };
}

/** Loss and metrics, read and disposed. */
const reported = async ({ loss, metrics = {} }: Omit<Gradients, "grads">): Promise<Numbers> =>
  numbersOf(await taken({ loss, ...metrics }));

/** Moves the leaves one by one: no more than one is there twice. */
function moveLeaves(rule: LeafRule, { params, slots, gradients }: EagerState, step: StepScalars): void {
  for (const [path, settings] of Object.entries(rule.leaves)) {
    const [param, ...remembered] = tidy(() => {
      const [own, grad] = [params[path] as Tensor, gradients[path] as Tensor];
      const slot = (name: string): Tensor => slots[name]?.[path] as Tensor;
      return [...moveLeaf(rule, { param: own, grad, slot, settings }, step)];
    });
    replace(params, { [path]: param as Tensor });
    rule.slots.forEach((slot, at) => replace(slots[slot] as Leaves, { [path]: remembered[at] as Tensor }));
  }
}

/** Clips and moves, unless loss or norm is not finite. */
async function updateState(
  update: LeafRule,
  state: EagerState,
  { scalars, loss, statistics }: StepCalls["update"]["given"],
): Promise<Numbers> {
  const { norm, clip } = tidy(() => {
    const length = gradientLength(update, state.gradients);
    return { norm: length, clip: update.clip?.(length) };
  });
  const gradNorm = (await norm.data())[0] as number;
  if (isFiniteStep({ loss, gradNorm })) {
    moveLeaves(update, state, { scalars, clip });
    replace(state.params, tensorsOf(statistics));
  }
  dispose([norm, clip]);
  return { gradNorm };
}

/** Functions that compare rows; `begin` puts the gradients of what they alone use in place of all. */
function comparisonHandlers(
  functions: StepFunctions,
  params: NamedTensors,
  begin: (grads: NamedTensors) => void,
): Pick<StepHandlers, "compare" | "sums" | "slopes"> {
  const compared = async (compare: () => Comparison): Promise<StepCalls["compare"]["gives"]> => {
    const { cotangents, grads, ...seen } = tidy(() => {
      const { loss, metrics = {}, ...outcome } = compare();
      const own = { grads: { ...outcome.grads }, cotangents: { ...outcome.cotangents } };
      return { loss, metrics: { ...metrics }, ...own };
    });
    begin(grads);
    return { numbers: await reported(seen), cotangents: await taken(cotangents) };
  };
  return {
    compare: ({ rows, shared }) =>
      compared(() => partsOf(functions).compare(params, tensorsOf(rows), tensorsOf(shared))),
    sums: ({ rows, shared, place }) =>
      taken(
        tidy(() => {
          const all = rankRows(tensorsOf(rows), place);
          return { ...localPartsOf(functions.parts).sums(params, all, tensorsOf(shared)) };
        }),
      ),
    slopes: ({ rows, shared, sums, place }) =>
      compared(() => {
        const all = rankRows(tensorsOf(rows), place);
        return localPartsOf(functions.parts).slopes(params, all, tensorsOf(shared), tensorsOf(sums));
      }),
  };
}

/** Functions of a step that fill the gradients. */
function gradientHandlers(
  functions: StepFunctions,
  { params, gradients }: EagerState,
): Omit<StepHandlers, "update" | "step"> & {
  readonly gradient: (
    given: Readonly<Record<"pairs" | "shared", HostArrays>>,
  ) => Promise<{ readonly numbers: Numbers; readonly statistics: HostArrays }>;
} {
  const paths = Object.keys(functions.update.leaves);
  const begin = (grads: NamedTensors): void => {
    dispose(gradients);
    for (const path of Object.keys(gradients)) delete gradients[path];
    replace(gradients, grads);
  };
  return {
    async gradient({ pairs, shared }) {
      const { grads, statistics, ...seen } = tidy(() => {
        const given = [tensorsOf(pairs), tensorsOf(shared)] as const;
        const { loss, metrics = {}, ...outcome } = functions.gradient(params, ...given);
        const own = { ...gradientsOf(paths, outcome.grads) };
        return { loss, metrics: { ...metrics }, grads: own, statistics: { ...outcome.statistics } };
      });
      begin(grads);
      return { numbers: await reported(seen), statistics: await taken(statistics) };
    },
    async encode({ pairs, statistics }) {
      const before = { ...params, ...tensorsOf(statistics) };
      const { rows, after } = tidy(() => {
        const encoded = partsOf(functions).encode(before, tensorsOf(pairs));
        return { rows: { ...encoded.rows }, after: { ...encoded.statistics } };
      });
      for (const path of Object.keys(statistics)) before[path]?.dispose();
      return { rows: await taken(rows), statistics: await taken(after) };
    },
    ...comparisonHandlers(functions, params, begin),
    async pullBack({ pairs, cotangents }) {
      const { pulled } = learning(functions);
      if (pulled.length === 0) return;
      const shares = tidy(() => {
        const given = [tensorsOf(pairs), tensorsOf(cotangents)] as const;
        return { ...gradientsOf(pulled, partsOf(functions).pullBack(params, ...given)) };
      });
      for (const [path, share] of Object.entries(shares)) {
        const before = gradients[path];
        replace(gradients, { [path]: before === undefined ? share : add(before, share) });
        if (before !== undefined) share.dispose();
      }
    },
  };
}

function handlersOf(functions: StepFunctions, state: EagerState): StepHandlers {
  const { gradient, ...parts } = gradientHandlers(functions, state);
  const update: StepHandlers["update"] = (given) => updateState(functions.update, state, given);
  return {
    ...parts,
    update,
    async step({ pairs, shared, scalars }) {
      const { numbers, statistics } = await gradient({ pairs, shared });
      const loss = numbers["loss"] as number;
      return { ...numbers, ...(await update({ scalars, loss, statistics })) };
    },
  };
}

/** Runs the functions of a step operation by operation on the tfjs engine that runs now. */
export const loadEager: LoadProgram = async (functions, start) => {
  const state = createState(functions.update, start);
  const { params, slots, gradients } = state;
  const readers: { [Part in keyof ProgramState]: () => Promise<ProgramState[Part]> } = {
    params: () => arraysOf(params),
    gradients: () => arraysOf(gradients),
    async slots() {
      const read = Object.entries(slots).map(async ([slot, leaves]) => [slot, await arraysOf(leaves)] as const);
      return Object.fromEntries(await Promise.all(read));
    },
  };
  return programOf(handlersOf(functions, state), {
    prepare: () => Promise.resolve(),
    read: (part) => readers[part](),
    async write(given) {
      replace(params, copiesOf(given.params ?? {}));
      replace(gradients, copiesOf(given.gradients ?? {}));
      for (const [slot, leaves] of Object.entries(given.slots ?? {})) {
        replace(slots[slot] as Leaves, copiesOf(leaves));
      }
    },
    async dispose() {
      dispose([params, gradients, ...Object.values(slots)]);
    },
  });
};
