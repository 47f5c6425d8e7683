import { ClipError } from "@clip-ts/base";
import type { Graph, NamedValue, Node, Value } from "../ir/graph.ts";
import { sourceOf, type SymbolSource } from "../ir/symbols.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { lowerings } from "./lowerings.ts";
import type { OpenSizes, OpenSource } from "./open-sizes.ts";
import { rounded, staysRounded, widened } from "./rounding.ts";

/** Something that makes values of the graph in its own way, such as a fused update. */
export interface Replacement {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  emit(inputs: readonly string[], builder: GraphBuilder): readonly string[];
}

/** What a graph is written into, and what it is connected to. */
export interface EmitOptions {
  readonly builder: GraphBuilder;
  /** Tensors that stand for the graph's inputs, by name. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Values wanted; what none of them needs is not written. */
  readonly wanted: readonly Value[];
  /** Take the place of the nodes that make their outputs. */
  readonly replacements?: readonly Replacement[];
}

type Step = Replacement | Node;

const isNode = (step: Step): step is Node => "op" in step;

/** Operations and replacements in an order in which they can run, without what nobody wants. */
function plan(graph: Graph, { wanted, replacements = [] }: EmitOptions): Step[] {
  const replaced = new Map<number, Replacement>();
  for (const step of replacements) for (const { id } of step.outputs) replaced.set(id, step);
  const needed = new Set(wanted.map(({ id }) => id));
  const steps = new Set<Step>();
  for (const node of graph.nodes.toReversed()) {
    const step = replaced.get((node.outputs[0] as Value).id) ?? node;
    if (steps.has(step) || !step.outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of step.inputs) needed.add(id);
    steps.add(step);
  }
  return [...steps].toReversed();
}

function emitNode(node: Node, inputs: readonly string[], builder: GraphBuilder): readonly string[] {
  const lower = lowerings.get(node.op);
  if (lower === undefined) {
    throw new ClipError("unsupported", `There is no TensorFlow form of the operation ${node.op}.`, {
      data: { op: node.op },
    });
  }
  const y = node.outputs[0] as Value;
  const x = node.inputs[0] ?? y;
  const isRounded = staysRounded(node, inputs, builder);
  const inType = isRounded ? rounded : widened;
  const operands = node.op === "BatchMatMul" ? inputs : inputs.map((name) => inType(builder, name));
  const type = isRounded ? "bfloat16" : x.dtype;
  const results = [lower({ node, inputs: operands, builder, x, y, type })].flat();
  if (isRounded) for (const name of results) builder.rounded.add(name);
  return results;
}

/** Where the open sizes of a graph are read in TensorFlow. */
function openSizesOf(graph: Graph, inputs: ReadonlyMap<string, string>): OpenSizes {
  const { symbols = [] } = graph;
  const sources = new Map<string, OpenSource>();
  for (const symbol of symbols) {
    const found = sourceOf(graph, symbol);
    const tensor = found && inputs.get(found.input);
    if (tensor === undefined) continue;
    const { value } = graph.inputs.find(({ name }) => name === found?.input) as NamedValue;
    sources.set(symbol.name, { tensor, dtype: value.dtype, axis: (found as SymbolSource).axis });
  }
  return { symbols, sources };
}

/** Writes a graph as TensorFlow operations. @returns the tensors that stand for its values, by id. */
export function emitGraph(graph: Graph, options: EmitOptions): ReadonlyMap<number, string> {
  const { builder } = options;
  const names = new Map<number, string>();
  builder.inputNames.clear();
  builder.openSizes = openSizesOf(graph, options.inputs);
  for (const { name, value } of graph.inputs) builder.inputNames.set(value.id, name);
  for (const { name, value } of graph.inputs) {
    const tensor = options.inputs.get(name);
    if (tensor !== undefined) names.set(value.id, tensor);
  }
  const steps = plan(graph, options);
  const needed = new Set(steps.flatMap((step) => step.inputs.map(({ id }) => id)));
  for (const { id } of options.wanted) needed.add(id);
  for (const { value, data } of graph.constants) {
    if (needed.has(value.id)) {
      names.set(value.id, builder.constant(data, value.shape, value.dtype));
    }
  }
  for (const step of steps) {
    const inputs = step.inputs.map(({ id }) => names.get(id) as string);
    const results = isNode(step)
      ? emitNode(step, inputs, builder)
      : step.emit(
          inputs.map((name) => widened(builder, name)),
          builder,
        );
    step.outputs.forEach(({ id }, index) => names.set(id, results[index] as string));
  }
  for (const { id } of options.wanted) {
    names.set(id, widened(builder, names.get(id) as string));
  }
  return names;
}
