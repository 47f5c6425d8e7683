import { ClipError } from "@clip-ts/base";
import type { NamedValue, Value } from "@clip-ts/jit";
import { sourceOf, type SymbolSource } from "@clip-ts/jit/backend";
import { annotateTypes, isMoving, wide } from "./annotate-types.ts";
import { attention, fuseAttention } from "./fuse-attention.ts";
import {
  withOpenSizes,
  type GraphBuilder,
  type OpenSizes,
  type OpenSource,
  type TensorflowGraph,
  type TensorflowNode,
  type TensorflowOp,
} from "./graph-builder.ts";
import { adamw, type Updates } from "./lower-adamw.ts";
import { arithmetic } from "./lower-elementwise.ts";
import { reductions, sumOfSquares } from "./lower-reductions.ts";
import { structural, windowed } from "./lower-structure.ts";
import type { Lowering, LoweringInput } from "./lowering.ts";
import type { DataType } from "./messages.ts";
import { fuseRows } from "./rows/fuse-rows.ts";
import { rows } from "./rows/row-kernel.ts";
import { asMade, rounded, widened, type Tensor } from "./variables.ts";

/** How each operation that can be traced is written for TensorFlow, and those that passes make of them. */
const lowerings: Readonly<Record<TensorflowOp, Lowering>> = {
  ...arithmetic,
  ...reductions,
  ...structural,
  ...windowed,
  AdamW: adamw,
  Attention: attention,
  FusedRows: rows,
  SumOfSquares: sumOfSquares,
};

/** What a graph is written into, and what it is connected to. */
export interface EmitOptions {
  readonly builder: GraphBuilder;
  /** Tensors that stand for the graph's inputs, by name. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Values wanted; what none of them needs is not written. */
  readonly wanted: readonly Value[];
  /** Take the place of the nodes that make their outputs. */
  readonly fused?: readonly TensorflowNode[];
  /** For updates of the state among them. */
  readonly updates?: Updates | undefined;
}

/**
 * The graph with attention fused, where the native part has it: in 32 bits only, for between matmuls in
 * bfloat16 the one operation would widen what comes and round what goes.
 */
function withAttention(graph: TensorflowGraph, { builder, wanted, fused = [] }: EmitOptions): TensorflowGraph {
  if (!builder.hasOwnGemm || builder.precision !== "f32") return graph;
  return fuseAttention(graph, [...wanted, ...fused.flatMap(({ inputs }) => inputs)]);
}

/** Operations in an order in which they can run, without what nobody wants. */
function inRunningOrder(graph: TensorflowGraph, options: EmitOptions): TensorflowNode[] {
  const { builder, wanted, fused = [] } = options;
  const replaced = new Map<number, TensorflowNode>();
  for (const node of fused) for (const { id } of node.outputs) replaced.set(id, node);
  const whole = withAttention(graph, options);
  const needed = new Set(wanted.map(({ id }) => id));
  const kept = new Set<TensorflowNode>();
  for (const node of whole.nodes.toReversed()) {
    const written = replaced.get((node.outputs[0] as Value).id) ?? node;
    if (kept.has(written) || !written.outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of written.inputs) needed.add(id);
    kept.add(written);
  }
  const nodes = [...kept].toReversed();
  return builder.hasOwnOperations ? [...fuseRows({ ...whole, nodes }, wanted).nodes] : nodes;
}

/** Operations that take bfloat16 as well as 32 bits, whatever they give. */
const takesEither = ({ op }: TensorflowNode, { hasOwnOperations }: GraphBuilder): boolean =>
  op === "AdamW" || op === "BatchMatMul" || op === "FusedRows" || (op === "SumOfSquares" && hasOwnOperations);

/** What every operation of one graph is written with. None of it changes meanwhile; `builder` is appended to. */
type Emission = Pick<LoweringInput, "builder" | "types" | "updates">;

function emitNode(node: TensorflowNode, operands: readonly Tensor[], emission: Emission): readonly Tensor[] {
  const lower: Lowering | undefined = lowerings[node.op];
  if (lower === undefined) {
    throw new ClipError("unsupported", `There is no TensorFlow form of the operation ${node.op}.`, {
      data: { op: node.op },
    });
  }
  const { builder, types } = emission;
  const y = node.outputs[0] as Value;
  const x = node.inputs[0] ?? y;
  const dtypes = types.get(y.id) ?? wide;
  const write = (type: DataType): readonly (string | Tensor)[] => {
    const inType = type === "bfloat16" ? rounded : widened;
    const inputs = operands.map((tensor) =>
      takesEither(node, builder) ? asMade(tensor).name : inType(builder, tensor),
    );
    return [lower({ ...emission, node, inputs, operands, x, y, type })].flat();
  };
  const results = write(dtypes.float32 ? x.dtype : "bfloat16");
  // What only moves numbers moves a tensor in both types; TensorFlow leaves out the one that nobody reads.
  const short = dtypes.float32 && dtypes.bfloat16 && isMoving(node) ? write("bfloat16") : [];
  return results.map((made, at): Tensor => {
    if (typeof made !== "string") return made;
    if (!dtypes.float32) return { rounded: made };
    const other = short[at];
    return typeof other === "string" ? { wide: made, rounded: other } : { wide: made };
  });
}

/** Where the open sizes of a graph are read in TensorFlow. */
function openSizesOf(graph: TensorflowGraph, inputs: ReadonlyMap<string, Tensor>): OpenSizes {
  const { symbols = [] } = graph;
  const sources = new Map<string, OpenSource>();
  for (const symbol of symbols) {
    const found = sourceOf(graph, symbol);
    const tensor = found && inputs.get(found.input)?.wide;
    if (tensor === undefined) continue;
    const { value } = graph.inputs.find(({ name }) => name === found?.input) as NamedValue;
    sources.set(symbol.name, { tensor, dtype: value.dtype, axis: (found as SymbolSource).axis });
  }
  return { symbols, sources };
}

/** The tensors that stand for inputs and for the constants that are needed, by id. */
function givenTensors(
  graph: TensorflowGraph,
  nodes: readonly TensorflowNode[],
  { builder, inputs, wanted }: EmitOptions,
): Map<number, Tensor> {
  const tensors = new Map<number, Tensor>();
  for (const { name, value } of graph.inputs) {
    const tensor = inputs.get(name);
    if (tensor !== undefined) tensors.set(value.id, tensor);
  }
  const needed = new Set(nodes.flatMap((node) => node.inputs.map(({ id }) => id)));
  for (const { id } of wanted) needed.add(id);
  for (const { value, data } of graph.constants) {
    if (!needed.has(value.id)) continue;
    tensors.set(value.id, { wide: builder.constant(data, value.shape, value.dtype) });
  }
  return tensors;
}

/** Writes a graph as TensorFlow operations. @returns the tensors of the values wanted, in 32 bits, by id. */
export function emitGraph(graph: TensorflowGraph, options: EmitOptions): ReadonlyMap<number, string> {
  const { inputs, wanted, updates } = options;
  const { precision, staysExact } = options.builder;
  const builder = withOpenSizes(options.builder, openSizesOf(graph, inputs));
  const nodes = inRunningOrder(graph, options);
  const tensors = givenTensors(graph, nodes, options);
  const types = annotateTypes({ ...graph, nodes }, { precision, staysExact, outside: wanted });
  for (const node of nodes) {
    const operands = node.inputs.map(({ id }) => tensors.get(id) as Tensor);
    const results = emitNode(node, operands, { builder, types, updates });
    node.outputs.forEach(({ id }, index) => tensors.set(id, results[index] as Tensor));
  }
  return new Map(wanted.map(({ id }) => [id, widened(builder, tensors.get(id) as Tensor)]));
}
