import { ClipError } from "@clip-ts/base";
import type { NamedValue, Value } from "@clip-ts/jit";
import { sourceOf, type SymbolSource } from "@clip-ts/jit/backend";
import { fuseAttention } from "./fuse-attention.ts";
import type { TensorflowGraph, TensorflowNode } from "./graph.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { Updates } from "./lower-adamw.ts";
import { lowerings } from "./lowerings.ts";
import type { OpenSizes, OpenSource } from "./open-sizes.ts";
import type { Lowering, LoweringInput } from "./lowering.ts";
import { moving, rounded, staysRounded, widened } from "./rounding.ts";
import { formsIn } from "./rows/forms.ts";
import { fuseRows } from "./rows/fuse-rows.ts";

/** What a graph is written into, and what it is connected to. */
export interface EmitOptions {
  readonly builder: GraphBuilder;
  /** Tensors that stand for the graph's inputs, by name. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Values wanted; what none of them needs is not written. */
  readonly wanted: readonly Value[];
  /** Take the place of the nodes that make their outputs. */
  readonly fused?: readonly TensorflowNode[];
  /** For updates of the state among them. */
  readonly updates?: Updates | undefined;
}

/**
 * The graph with attention fused, where the native part has it: in 32 bits only, for between products in
 * bfloat16 the one operation would widen what comes and round what goes.
 */
function withAttention(
  graph: TensorflowGraph,
  { builder, wanted, fused = [] }: EmitOptions,
): TensorflowGraph {
  if (!builder.hasOwnProducts || builder.precision !== "f32") return graph;
  return fuseAttention(graph, [...wanted, ...fused.flatMap(({ inputs }) => inputs)]);
}

/** Operations in an order in which they can run, without what nobody wants. */
function plan(graph: TensorflowGraph, options: EmitOptions): TensorflowNode[] {
  const { builder, wanted, fused = [] } = options;
  const replaced = new Map<number, TensorflowNode>();
  for (const node of fused) for (const { id } of node.outputs) replaced.set(id, node);
  const whole = withAttention(graph, options);
  const needed = new Set(wanted.map(({ id }) => id));
  const steps = new Set<TensorflowNode>();
  for (const node of whole.nodes.toReversed()) {
    const step = replaced.get((node.outputs[0] as Value).id) ?? node;
    if (steps.has(step) || !step.outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of step.inputs) needed.add(id);
    steps.add(step);
  }
  const nodes = [...steps].toReversed();
  return builder.hasOwnOperations ? [...fuseRows({ ...whole, nodes }, wanted).nodes] : nodes;
}

/** Operations that take bfloat16 as well as 32 bits, whatever they give. */
const takesEither = ({ op }: TensorflowNode, { hasOwnOperations }: GraphBuilder): boolean =>
  op === "AdamW" ||
  op === "BatchMatMul" ||
  op === "Rows" ||
  (op === "SumOfSquares" && hasOwnOperations);

/** What only moves numbers moves both forms of a tensor; TensorFlow leaves out the one that nobody reads. */
function emitRoundedForms(
  { node, inputs, ...rest }: Omit<LoweringInput, "type">,
  results: readonly string[],
): void {
  const { builder } = rest;
  const form = builder.roundedForms.get(inputs[0] ?? "");
  const lower = lowerings[node.op];
  if (form === undefined || !moving.has(node.op)) return;
  const operands = [form, ...inputs.slice(1)];
  const moved = [lower({ ...rest, node, inputs: operands, type: "bfloat16" })].flat();
  moved.forEach((name, at) => {
    builder.rounded.add(name);
    builder.roundedForms.set(results[at] as string, name);
  });
}

function emitNode(
  node: TensorflowNode,
  inputs: readonly string[],
  { builder, updates }: EmitOptions,
): readonly string[] {
  const lower: Lowering | undefined = lowerings[node.op];
  if (lower === undefined) {
    throw new ClipError("unsupported", `There is no TensorFlow form of the operation ${node.op}.`, {
      data: { op: node.op },
    });
  }
  const y = node.outputs[0] as Value;
  const x = node.inputs[0] ?? y;
  const isRounded = staysRounded(node, inputs, builder);
  const inType = isRounded ? rounded : widened;
  const operands = takesEither(node, builder)
    ? inputs
    : inputs.map((name) => inType(builder, name));
  const type = isRounded ? "bfloat16" : x.dtype;
  const results = [lower({ node, inputs: operands, builder, x, y, type, updates })].flat();
  if (isRounded) for (const name of results) builder.rounded.add(name);
  emitRoundedForms({ node, inputs, builder, x, y, updates }, results);
  return results;
}

/** Where the open sizes of a graph are read in TensorFlow. */
function openSizesOf(graph: TensorflowGraph, inputs: ReadonlyMap<string, string>): OpenSizes {
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

/** The tensors that stand for inputs and for the constants that are needed, by id. */
function givenNames(
  graph: TensorflowGraph,
  steps: readonly TensorflowNode[],
  { builder, inputs, wanted }: EmitOptions,
): Map<number, string> {
  const names = new Map<number, string>();
  for (const { name, value } of graph.inputs) {
    const tensor = inputs.get(name);
    if (tensor !== undefined) names.set(value.id, tensor);
  }
  const needed = new Set(steps.flatMap((step) => step.inputs.map(({ id }) => id)));
  for (const { id } of wanted) needed.add(id);
  for (const { value, data } of graph.constants) {
    if (!needed.has(value.id)) continue;
    names.set(value.id, builder.constant(data, value.shape, value.dtype));
  }
  return names;
}

/** Writes a graph as TensorFlow operations. @returns the tensors that stand for its values, by id. */
export function emitGraph(
  graph: TensorflowGraph,
  options: EmitOptions,
): ReadonlyMap<number, string> {
  const { builder } = options;
  builder.inputNames.clear();
  builder.openSizes = openSizesOf(graph, options.inputs);
  for (const { name, value } of graph.inputs) builder.inputNames.set(value.id, name);
  const steps = plan(graph, options);
  const names = givenNames(graph, steps, options);
  builder.formsOf = formsIn({ ...graph, nodes: steps }, builder, options.wanted);
  for (const step of steps) {
    const inputs = step.inputs.map(({ id }) => names.get(id) as string);
    const results = emitNode(step, inputs, options);
    step.outputs.forEach(({ id }, index) => names.set(id, results[index] as string));
  }
  for (const { id } of options.wanted) {
    names.set(id, widened(builder, names.get(id) as string));
  }
  return names;
}
