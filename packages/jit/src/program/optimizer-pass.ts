import { mul, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { trace, type InputSpec, type NamedTensors } from "../trace/trace.ts";
import { chunksOf, type Chunk } from "./chunks.ts";
import type { FlatState } from "./flat-state.ts";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { canOverwrite } from "./in-place.ts";
import { runInLanes } from "./lanes.ts";
import type { CompiledFunction, Target } from "./target.ts";
import type { TrainingSpec } from "./training-spec.ts";

/** Moves all trained parameters by one step. */
export interface OptimizerPass {
  run(scalars: Readonly<Record<string, number>>): Promise<void>;
  dispose(): Promise<void>;
}

/** Elements updated at once: parameters, gradients, slots and what lies between fit into a cache. */
const chunkLength = 1 << 17;

/** One call of a compiled rule. */
interface Stretch {
  readonly compiled: CompiledFunction;
  readonly inputs: HostArrays;
  readonly into: HostArrays;
  /** Results that may not be written over their inputs while these are read, and where they belong. */
  readonly copies: readonly (readonly [from: HostArray, to: HostArray])[];
}

/** A rule compiled for one length and group. */
interface Rule {
  readonly compiled: CompiledFunction;
  /** Memory for each result that cannot overwrite its input. */
  readonly scratch: HostArrays;
}

const shapeOf = ({ group, start, end }: Chunk): readonly number[] => group.shape ?? [end - start];

/** Equal for stretches that one compiled rule can update. */
function ruleKey({ group, start, end }: Chunk): string {
  if (group.shape === undefined) return `${group.start}:${end - start}`;
  return JSON.stringify([group.shape, group.settings]);
}

/** The rule, traced for one length and group. */
function traceUpdate(spec: TrainingSpec, chunk: Chunk, scalarNames: readonly string[]): Graph {
  const stretch: InputSpec = { shape: shapeOf(chunk) };
  const arrays = ["param", "grad", ...spec.slots.map((slot) => `slot:${slot}`)];
  const inputs = Object.fromEntries([
    ...arrays.map((name) => [name, stretch] as const),
    ...scalarNames.map((name) => [`scalar:${name}`, { shape: [] }] as const),
  ]);
  const run = (given: NamedTensors): NamedTensors => {
    const scalars = Object.fromEntries(
      scalarNames.map((name) => [name, given[`scalar:${name}`] as Scalar]),
    );
    const { clip, ...rest } = scalars;
    const grad = given["grad"] as Tensor;
    const moved = spec.update({
      param: given["param"] as Tensor,
      grad: clip === undefined ? grad : mul(grad, clip),
      slots: spec.slots.map((slot) => given[`slot:${slot}`] as Tensor),
      scalars: rest,
      settings: chunk.group.settings,
    });
    const names = ["param", ...spec.slots.map((slot) => `slot:${slot}`)];
    return Object.fromEntries(names.map((name, index) => [`next:${name}`, moved[index] as Tensor]));
  };
  return trace(run, inputs);
}

async function compileRule(
  spec: TrainingSpec,
  target: Target,
  chunk: Chunk,
  scalarNames: readonly string[],
): Promise<Rule> {
  const graph = traceUpdate(spec, chunk, scalarNames);
  const shape = shapeOf(chunk);
  const length = chunk.end - chunk.start;
  const unsafe = graph.outputs
    .map(({ name }) => name)
    .filter((name) => !canOverwrite(graph, name.slice("next:".length), name));
  const scratch = unsafe.map((name): [string, HostArray] => [
    name,
    { data: new Float32Array(length), shape },
  ]);
  return { compiled: await target(graph, { isShort: true }), scratch: Object.fromEntries(scratch) };
}

function stretchOf(
  { compiled, scratch }: Rule,
  chunk: Chunk,
  state: FlatState,
  slotNames: readonly string[],
): Stretch {
  const view = (flat: Float32Array): HostArray => ({
    data: flat.subarray(chunk.start, chunk.end),
    shape: shapeOf(chunk),
  });
  const slots = slotNames.map((slot, index) => [
    `slot:${slot}`,
    view(state.slots[index] as Float32Array),
  ]);
  const moved = { param: view(state.param), ...Object.fromEntries(slots) } as HostArrays;
  const next = Object.entries(moved).map(([name, array]): [string, HostArray] => [
    `next:${name}`,
    array,
  ]);
  return {
    compiled,
    inputs: { ...moved, grad: view(state.grad) },
    into: { ...Object.fromEntries(next), ...scratch },
    copies: next.flatMap(([name, to]) => (name in scratch ? [[scratch[name]!, to] as const] : [])),
  };
}

/** How many stretches may be updated at once: scratch memory is shared by those of a rule. */
function lanesOf(rules: readonly Rule[]): number {
  const isShared = rules.some(({ scratch }) => Object.keys(scratch).length > 0);
  return isShared ? 1 : (rules[0]?.compiled.lanes ?? 1);
}

/** Compiles the rule for every kind of stretch the parameters are cut into. */
export async function compileOptimizerPass(
  spec: TrainingSpec,
  state: FlatState,
  target: Target,
  scalarNames: readonly string[],
): Promise<OptimizerPass> {
  const rules = new Map<string, Rule>();
  const stretches: Stretch[] = [];
  for (const chunk of chunksOf(state.layout.groups, chunkLength)) {
    const key = ruleKey(chunk);
    const rule = rules.get(key) ?? (await compileRule(spec, target, chunk, scalarNames));
    rules.set(key, rule);
    stretches.push(stretchOf(rule, chunk, state, spec.slots));
  }
  const lanes = lanesOf([...rules.values()]);
  return {
    async run(scalars) {
      const numbers = scalarNames.map((name): [string, HostArray] => [
        `scalar:${name}`,
        { data: Float32Array.of(scalars[name] as number), shape: [] },
      ]);
      const shared = Object.fromEntries(numbers);
      await runInLanes(stretches, lanes, async ({ compiled, inputs, into, copies }) => {
        await compiled.run({ ...inputs, ...shared }, into);
        for (const [from, to] of copies) to.data.set(from.data);
      });
    },
    async dispose() {
      for (const { compiled } of rules.values()) await compiled.dispose();
    },
  };
}
