import { sizeOf, type HostArray, type HostArrays } from "@clip-ts/core";
import { reshape, square, sum, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { Graph, Value } from "../ir/graph.ts";
import { flattenNames, nestNames, replacements, trace, type InputSpec } from "../trace/trace.ts";
import { scalarArray } from "./batch.ts";
import { chunksOf, runInLanes, type Chunk, type FlatState, type LeafGroup } from "./flat-state.ts";
import { moveLeaf, type LeafRule } from "./step-functions.ts";
import type { CompiledFunction, Target } from "./target.ts";
import { compileTree, traceable, type CompiledTree } from "./tree-function.ts";

const named = (list: Graph["inputs"], name: string): Value | undefined =>
  list.find((entry) => entry.name === name)?.value;

/** Ids of the values that `value` is computed from. */
function ancestry(graph: Graph, value: Value): ReadonlySet<number> {
  const needed = new Set([value.id]);
  for (const { inputs, outputs } of graph.nodes.toReversed()) {
    if (!outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of inputs) needed.add(id);
  }
  return needed;
}

/**
 * Whether an elementwise graph may write a result over one of its inputs, in whatever order a runtime
 * runs it: everything that reads the input must be part of what the result is computed from.
 */
function canOverwrite(graph: Graph, input: string, output: string): boolean {
  const [source, result] = [named(graph.inputs, input), named(graph.outputs, output)];
  if (source === undefined || result === undefined) return false;
  const needed = ancestry(graph, result);
  return graph.nodes
    .filter(({ inputs }) => inputs.some(({ id }) => id === source.id))
    .every(({ outputs }) => outputs.every(({ id }) => needed.has(id)));
}

/** The Euclidean length of a flat array. */
export interface NormPass {
  run(): Promise<number>;
  dispose(): Promise<void>;
}

/** A stretch of the array, and where the sum of its squares goes. */
interface Piece {
  readonly squares: CompiledFunction;
  readonly x: HostArray;
  readonly into: { readonly squares: HostArray };
}

/** Elements squared and added at once: they stay in a cache between the two. */
const normChunkLength = 1 << 17;

/** Sums rows before the whole: sums of a few hundred terms keep their digits, those of 65536 do not. */
function sumOfSquares(x: Tensor): Tensor {
  const row = x.size % 256 === 0 ? 256 : 1;
  return sum(sum(reshape(square(x), [-1, row]), 1));
}

/** Compiles the length of `flat` for repeated use; sums of chunks are added in double precision. */
export async function compileNormPass(flat: Float32Array, target: Target): Promise<NormPass> {
  const whole = { settings: {}, start: 0, end: flat.length };
  const compiled = new Map<number, CompiledFunction>();
  const pieces: Piece[] = [];
  for (const { start, end } of chunksOf([whole], normChunkLength)) {
    const shape = [end - start];
    const squares =
      compiled.get(end - start) ??
      (await target(
        trace(({ x }) => ({ squares: sumOfSquares(x) }), { x: { shape } }),
        {
          isShort: true,
        },
      ));
    compiled.set(end - start, squares);
    const x = { data: flat.subarray(start, end), shape };
    pieces.push({ squares, x, into: { squares: { data: new Float32Array(1), shape: [] } } });
  }
  const lanes = pieces[0]?.squares.lanes ?? 1;
  return {
    async run() {
      await runInLanes(pieces, lanes, ({ squares, x, into }) => squares.run({ x }, into));
      return Math.sqrt(pieces.reduce((total, { into }) => total + (into.squares.data[0] ?? 0), 0));
    },
    async dispose() {
      for (const squares of compiled.values()) await squares.dispose();
    },
  };
}

/** Moves all trained parameters by one step. */
export interface OptimizerPass {
  run(scalars: Readonly<Record<string, number>>): Promise<void>;
  dispose(): Promise<void>;
}

/** Elements updated at once: parameters, gradients, slots and what lies between fit into a cache. */
const chunkLength = 1 << 17;

/** One call of a compiled rule. */
interface Stretch {
  readonly rule: Rule;
  /** By the names of the rule's graph. */
  readonly given: HostArrays;
  readonly into: HostArrays;
  /** Results that may not be written over their inputs while these are read, and where they belong. */
  readonly copies: readonly (readonly [from: HostArray, to: HostArray])[];
}

const shapeOf = ({ group, start, end }: Chunk): readonly number[] => group.shape ?? [end - start];

/** Equal for stretches that one compiled rule can update. */
function ruleKey({ group, start, end }: Chunk): string {
  if (group.shape === undefined) return `${group.start}:${end - start}`;
  return JSON.stringify([group.shape, group.settings]);
}

/** The stretch of a slot that belongs to one of the parameters. */
function slotOf(chunk: Chunk, { layout, flat }: FlatState, index: number): HostArray {
  const { data, groups } = flat.slots[index] as FlatState["flat"]["slots"][number];
  const { start, end, shape } = groups[layout.groups.indexOf(chunk.group)] as LeafGroup;
  if (shape !== undefined) return { data: data.subarray(start, end), shape };
  const first = start + chunk.start - chunk.group.start;
  return { data: data.subarray(first, first + chunk.end - chunk.start), shape: shapeOf(chunk) };
}

/** The rule as a function of one stretch: what it is given, and what that becomes. */
function updateTrace(update: LeafRule, chunk: Chunk, { state, scalarNames }: RuleContext) {
  const stretch: InputSpec = { shape: shapeOf(chunk) };
  const given = {
    param: stretch,
    grad: stretch,
    slot: Object.fromEntries(
      update.slots.map((slot, index) => [slot, { shape: slotOf(chunk, state, index).shape }] as const),
    ),
    scalar: Object.fromEntries(scalarNames.map((name) => [name, { shape: [] }] as const)),
  };
  return traceable(given, ({ param, grad, slot, scalar }) => {
    const { clip, ...scalars } = scalar as Readonly<Record<string, Scalar>>;
    const [moved, ...remembered] = moveLeaf(
      update,
      { param, grad, slot: (name) => slot[name] as Tensor, settings: chunk.group.settings },
      { scalars, clip },
    );
    const slots = update.slots.map((name, index) => [name, remembered[index] as Tensor] as const);
    return { next: { param: moved as Tensor, slot: Object.fromEntries(slots) } };
  });
}

/** The state that a stretch moves. */
type Moved = { readonly param: HostArray; readonly slot: HostArrays };

/** A rule compiled for one length and group. */
interface Rule {
  readonly compiled: CompiledTree<ReturnType<typeof updateTrace>>;
  /** Memory for each result that cannot overwrite its input, by the name of what it replaces. */
  readonly scratch: HostArrays;
}

/** What rules are compiled for. */
interface RuleContext {
  readonly state: FlatState;
  readonly scalarNames: readonly string[];
}

async function compileRule(update: LeafRule, target: Target, chunk: Chunk, context: RuleContext): Promise<Rule> {
  const compiled = await compileTree(target, updateTrace(update, chunk, context), { isShort: true });
  const unsafe = replacements(compiled.graph).filter(
    ({ state, output }) => !canOverwrite(compiled.graph, state, output),
  );
  const scratch = unsafe.map(({ state }): [string, HostArray] => {
    const shape = named(compiled.graph.inputs, state)?.shape ?? shapeOf(chunk);
    return [state, { data: new Float32Array(sizeOf(shape)), shape }];
  });
  return { compiled, scratch: Object.fromEntries(scratch) };
}

function stretchOf(rule: Rule, chunk: Chunk, state: FlatState, slotNames: readonly string[]): Stretch {
  const { scratch } = rule;
  const view = (flat: Float32Array): HostArray => ({
    data: flat.subarray(chunk.start, chunk.end),
    shape: shapeOf(chunk),
  });
  const slot = Object.fromEntries(slotNames.map((name, index) => [name, slotOf(chunk, state, index)]));
  const moved: Moved = { param: view(state.flat.param), slot };
  const places = flattenNames<HostArray>(moved);
  const copies = Object.entries(scratch).map(([name, from]) => [from, places[name]!] as const);
  const next = nestNames<HostArray>(moved, { ...places, ...scratch }) as Moved;
  const given = flattenNames<HostArray>({ ...moved, grad: view(state.flat.grad) });
  return { rule, given, into: flattenNames<HostArray>({ next }), copies };
}

/** How many stretches may be updated at once: scratch memory is shared by those of a rule. */
function lanesOf(rules: readonly Rule[]): number {
  const isShared = rules.some(({ scratch }) => Object.keys(scratch).length > 0);
  return isShared ? 1 : (rules[0]?.compiled.compiled.lanes ?? 1);
}

/** Compiles the rule for every kind of stretch the parameters are cut into. */
export async function compileOptimizerPass(
  update: LeafRule,
  state: FlatState,
  target: Target,
  scalarNames: readonly string[],
): Promise<OptimizerPass> {
  const rules = new Map<string, Rule>();
  const stretches: Stretch[] = [];
  for (const chunk of chunksOf(state.layout.groups, chunkLength)) {
    const key = ruleKey(chunk);
    const rule = rules.get(key) ?? (await compileRule(update, target, chunk, { state, scalarNames }));
    rules.set(key, rule);
    stretches.push(stretchOf(rule, chunk, state, update.slots));
  }
  const lanes = lanesOf([...rules.values()]);
  return {
    async run(scalars) {
      const numbers = scalarNames.map((name) => [name, scalarArray(scalars[name] as number)] as const);
      const shared = flattenNames<HostArray>({ scalar: Object.fromEntries(numbers) });
      await runInLanes(stretches, lanes, async ({ rule, given, into, copies }) => {
        await rule.compiled.compiled.run({ ...given, ...shared }, into);
        for (const [from, to] of copies) to.data.set(from.data);
      });
    },
    async dispose() {
      for (const { compiled } of rules.values()) await compiled.dispose();
    },
  };
}
