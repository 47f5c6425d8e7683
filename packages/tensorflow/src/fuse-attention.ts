import { sizeOf } from "@clip-ts/core";
import type { Value } from "@clip-ts/jit";
import { operationNames } from "@clip-ts/native";
import { resultOf, rewrite, type Rewriter } from "@clip-ts/jit/backend";
import { numbers, type Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";
import type { TensorflowGraph, TensorflowNode, TensorflowOp } from "./graph-builder.ts";

/** Heads before tokens instead of tokens before heads, or back. */
const swapsHeads = "0,2,1,3";

/** The operation that makes a value, if it is of this kind. */
function made(value: Value | undefined, op: string, graph: Rewriter<TensorflowOp>): TensorflowNode | undefined {
  const node = value && graph.producer(value);
  return node?.op === op ? node : undefined;
}

/** [batch, tokens, heads, dim] behind [batch, heads, tokens, dim]. */
function beforeSwap(node: TensorflowNode | undefined): Value | undefined {
  if (node?.op !== "Transpose") return undefined;
  return numbers(node.attributes["perm"]).join() === swapsHeads ? node.inputs[0] : undefined;
}

/** A matmul of two stacks, the right one transposed or not. */
function stacked(
  value: Value | undefined,
  transposed: boolean,
  graph: Rewriter<TensorflowOp>,
): TensorflowNode | undefined {
  const node = made(value, "BatchMatMul", graph);
  const { transposeA, transposeB } = node?.attributes ?? {};
  const isAlike = transposeA !== true && (transposeB === true) === transposed;
  return isAlike && node?.inputs.every(({ shape }) => shape.length === 4) ? node : undefined;
}

/** A value, and the number by which it is multiplied. */
function unscaled(value: Value | undefined, graph: Rewriter<TensorflowOp>): readonly [Value | undefined, number] {
  const node = made(value, "Multiply", graph);
  const fill = made(node?.inputs[1], "Fill", graph);
  const isNumber = fill !== undefined && sizeOf(resultOf(fill).shape) === 1;
  return isNumber ? [node?.inputs[0], fill.attributes["value"] as number] : [value, 1];
}

/** Whether a mask is [queries, keys] or [batch, 1, queries, keys], any side but the last being 1. */
function isMask({ shape }: Value, [batch, , queries, keys]: readonly number[]): boolean {
  const [sequences, heads, rows, columns] = shape.length === 2 ? [1, 1, ...shape] : shape;
  const isFor = (side: number | undefined, whole: number | undefined): boolean => side === 1 || side === whole;
  return isFor(sequences, batch) && heads === 1 && isFor(rows, queries) && columns === keys;
}

/** Scores, and the mask that is added to them. */
function unmasked(value: Value | undefined, graph: Rewriter<TensorflowOp>): readonly [TensorflowNode?, Value?] {
  const plain = stacked(value, true, graph);
  if (plain !== undefined) return [plain];
  const [first, mask] = made(value, "Add", graph)?.inputs ?? [];
  const scores = stacked(first, true, graph);
  const fits = scores !== undefined && mask !== undefined && isMask(mask, resultOf(scores).shape);
  return fits ? [scores, mask] : [];
}

/** What a linear layer gave before its bias, in the shape of the value, and the bias. */
function unbiased(value: Value, graph: Rewriter<TensorflowOp>): readonly [Value, Value] | undefined {
  const [matmul, bias] = made(made(value, "Reshape", graph)?.inputs[0], "Add", graph)?.inputs ?? [];
  if (matmul?.shape.length !== 2 || bias?.shape.length !== 1) return undefined;
  return [graph.emit("Reshape", [matmul], { shape: value.shape }, value), bias];
}

/** How often each value is read. */
function readersOf(graph: TensorflowGraph, outside: readonly Value[]): (value: Value) => number {
  const counts = new Map<number, number>();
  const count = ({ id }: Value): unknown => counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const { inputs } of graph.nodes) inputs.forEach(count);
  outside.forEach(count);
  return ({ id }) => counts.get(id) ?? 0;
}

/**
 * Writes softmax(q kᵀ · scale + mask) v with the heads' transposes, and the biases of q, k and v, as one
 * operation, `Attention`. Not where anything between is read by others, as by gradients. What is replaced
 * stays behind, unused. `outside` are values that are read besides the graph's own operations.
 */
export function fuseAttention(graph: TensorflowGraph, outside: readonly Value[]): TensorflowGraph {
  const readers = readersOf(graph, outside);
  const isOwn = (node: TensorflowNode | undefined): node is TensorflowNode =>
    node !== undefined && readers(resultOf(node)) === 1;
  const isOutside = new Set(outside.map(({ id }) => id));
  return rewrite(graph, (node, rewriter) => {
    const mixed = stacked(beforeSwap(node), false, rewriter);
    const weights = made(mixed?.inputs[0], "Softmax", rewriter);
    const isWhole = isOwn(mixed) && isOwn(weights) && !isOutside.has(resultOf(node).id);
    if (!isWhole) return undefined;
    const [scores, mask] = unmasked(weights.inputs[0], rewriter);
    const [asking, scale] = unscaled(scores?.inputs[0], rewriter);
    const heads = [asking, scores?.inputs[1], mixed.inputs[1]].map((x) => beforeSwap(x && rewriter.producer(x)));
    if (!heads.every((x) => x !== undefined)) return undefined;
    const parts = heads.map((x) => unbiased(x, rewriter));
    const isBiased = parts.every((part) => part !== undefined);
    const operands = isBiased ? [...parts.map(([x]) => x), ...parts.map(([, x]) => x)] : heads;
    const masks = mask === undefined ? [] : [mask];
    const counts = { scale, biases: operands.length - heads.length, masks: masks.length };
    return [rewriter.emit("Attention", [...operands, ...masks], counts, resultOf(node))];
  });
}

/** Attention as an operation of the native part (packages/native/cpp/attention.cc). */
export const attention: Lowering = ({ node, inputs, builder }) =>
  builder.emit(operationNames.attention, inputs, {
    bias_count: attribute.integer(node.attributes["biases"] as number),
    mask_count: attribute.integer(node.attributes["masks"] as number),
    scale: attribute.float(node.attributes["scale"] as number),
  });
