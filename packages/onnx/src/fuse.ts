import type { Node, Value } from "@clip-ts/jit";
import { resultOf, rewrite, type Rewriter } from "@clip-ts/jit/backend";
import type { OnnxGraph, OnnxOp } from "./lowering.ts";

/** Values that exactly one operation reads and that are no outputs. */
function readOnce({ nodes, outputs }: OnnxGraph): ReadonlySet<number> {
  const counts = new Map<number, number>();
  const read = [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)];
  for (const { id } of read) counts.set(id, (counts.get(id) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count === 1).map(([id]) => id));
}

function biasedMatMul(node: Node<OnnxOp>, graph: Rewriter<OnnxOp>, once: ReadonlySet<number>): Value | undefined {
  const [sum, bias] = node.inputs;
  const matmul = node.op === "Add" && sum !== undefined ? graph.producer(sum) : undefined;
  if (matmul?.op !== "BatchMatMul" || !once.has(sum!.id)) return undefined;
  const isMatrices = matmul.inputs.every(({ shape }) => shape.length === 2);
  const isRow = bias?.shape.length === 1 && bias.shape[0] === sum!.shape[1];
  if (!isMatrices || !isRow) return undefined;
  const operands = [...matmul.inputs, bias];
  return graph.emit("BatchMatMul", operands, matmul.attributes, resultOf(node));
}

/**
 * Hands matmuls of two matrices the bias that is added to them, as a third operand: ONNX's Gemm starts its
 * sums there, so that the result is not read through again.
 */
export function fuseBiases(graph: OnnxGraph): OnnxGraph {
  const once = readOnce(graph);
  return rewrite(graph, (node, rewriter) => {
    const value = biasedMatMul(node, rewriter, once);
    return value === undefined ? undefined : [value];
  });
}

/** The operands of the operation that makes a value, if it is the one named. */
function operandsOf(value: Value | undefined, op: OnnxOp, graph: Rewriter<OnnxOp>): readonly Value[] {
  const producer = value && graph.producer(value);
  return producer?.op === op ? producer.inputs : [];
}

/** What is averaged over the last axis, kept as a side of length 1. */
function averaged(value: Value | undefined, graph: Rewriter<OnnxOp>): Value | undefined {
  const producer = value && graph.producer(value);
  if (producer?.op !== "Mean" || producer.attributes["keepDims"] !== true) return undefined;
  const x = producer.inputs[0] as Value;
  const axes = [producer.attributes["axis"]].flat();
  const isLast = axes.length === 1 && (axes[0] === -1 || axes[0] === x.shape.length - 1);
  return isLast ? x : undefined;
}

/** x, of x - mean(x) over the last axis. */
function centredFrom(value: Value | undefined, graph: Rewriter<OnnxOp>): Value | undefined {
  const [x, mean] = operandsOf(value, "Sub", graph);
  return x !== undefined && averaged(mean, graph)?.id === x.id ? x : undefined;
}

/** The number inside 1 / √(mean(centred²) + eps). */
function epsilonOf(scale: Value | undefined, centred: Value, graph: Rewriter<OnnxOp>): number | undefined {
  const [sum] = operandsOf(scale, "Rsqrt", graph);
  const [variance, constant] = operandsOf(sum, "Add", graph);
  const [squared] = operandsOf(averaged(variance, graph), "Square", graph);
  const fill = constant && graph.producer(constant);
  if (squared?.id !== centred.id || fill?.op !== "Fill") return undefined;
  return fill.attributes["value"] as number;
}

const isRow = (value: Value | undefined, width: number | undefined): boolean =>
  value?.shape.length === 1 && value.shape[0] === width;

/** A layer norm that ends in this addition: (x - mean) / √(variance + eps) · weight + bias. */
function layerNormAt(node: Node<OnnxOp>, graph: Rewriter<OnnxOp>): readonly Value[] | undefined {
  if (node.op !== "Add") return undefined;
  const [scaled, bias] = node.inputs;
  const [normalized, weight] = operandsOf(scaled, "Multiply", graph);
  const [centred, scale] = operandsOf(normalized, "Multiply", graph);
  const x = centredFrom(centred, graph);
  const epsilon = x && epsilonOf(scale, centred as Value, graph);
  const width = x?.shape.at(-1);
  if (epsilon === undefined || !isRow(weight, width) || !isRow(bias, width)) return undefined;
  const inputs = [x, weight, bias] as readonly Value[];
  return [graph.emit("LayerNorm", inputs, { epsilon }, resultOf(node))];
}

/**
 * Writes layer norms as one operation each, `LayerNorm` { epsilon } of x, weight and bias, which ONNX has
 * (LayerNormalization) and tfjs has not. What they were made of stays behind, for removeDeadCode.
 */
export function fuseLayerNorms(graph: OnnxGraph): OnnxGraph {
  return rewrite(graph, layerNormAt);
}
