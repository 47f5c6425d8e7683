import { sizeOf } from "@clip-ts/core";
import { getBackend, dispose } from "@tensorflow/tfjs-core";
import { isOpen, type Constant, type Graph, type Node, type Value } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { operationOf } from "../ir/ops.ts";
import { resultOf, rewrite, type Rewriter, type Rule } from "./rewrite.ts";

/** The data of an operation with known operands, computed by tfjs on the engine that runs now. */
function evaluate(node: Node, operands: readonly Constant["data"][]): Constant["data"] {
  const result = resultOf(node);
  const constants = new Map<number, Constant>();
  node.inputs.forEach((value, index) => {
    constants.set(value.id, { value, data: operands[index] as Constant["data"] });
  });
  const graph: Graph = {
    inputs: [],
    constants: [...constants.values()],
    nodes: [node],
    outputs: [{ name: "result", value: result }],
  };
  const outputs = interpret(graph, {});
  const data = outputs["result"]!.dataSync<"float32" | "int32" | "bool">();
  dispose(outputs);
  return data.slice();
}

/** One number, repeated, as data of a type. */
function filled(value: number, dtype: Value["dtype"], size: number): Constant["data"] {
  if (dtype === "int32") return new Int32Array(size).fill(value);
  return dtype === "bool" ? new Uint8Array(size).fill(value) : new Float32Array(size).fill(value);
}

/** The number that data repeats, if it repeats one. Signed zeros are told apart. */
function repeatedNumber(data: Constant["data"]): number | undefined {
  const first = data[0];
  return first !== undefined && data.every((value) => Object.is(value, first)) ? first : undefined;
}

/** A folded constant holds at most this many elements: larger ones cost more to store than to compute. */
const largestConstant = 16_384;

/** The data of a value that is known, unless it is too large to spell out. */
function knownData(value: Value, graph: Rewriter): Constant["data"] | undefined {
  if (sizeOf(value.shape) > largestConstant) return undefined;
  const constant = graph.constantBehind(value);
  if (constant !== undefined) return constant.data;
  const producer = graph.producer(value);
  if (producer?.op !== "Fill") return undefined;
  return filled(producer.attributes["value"] as number, value.dtype, sizeOf(value.shape));
}

const foldable = (node: Node): boolean =>
  node.op !== "Fill" && node.outputs.length === 1 && sizeOf(resultOf(node).shape) <= largestConstant;

/** A constant in another shape is the same data, whatever its size. */
function reshapedConstant(node: Node, graph: Rewriter): Value | undefined {
  const source = node.op === "Reshape" && graph.constantBehind(node.inputs[0] as Value);
  return source ? graph.constant(source.data, resultOf(node), source.name) : undefined;
}

/** Whether an engine of tfjs runs, which could compute; asked for, it would be started. */
const hasEngine = (): boolean => getBackend() != null;

const foldNode: Rule = (node, graph) => {
  const reshaped = reshapedConstant(node, graph);
  if (reshaped !== undefined) return [reshaped];
  if (!foldable(node) || !hasEngine()) return undefined;
  const operands = node.inputs.map((value) => knownData(value, graph));
  if (operands.includes(undefined)) return undefined;
  const result = resultOf(node);
  const data = evaluate(node, operands as Constant["data"][]);
  const value = repeatedNumber(data);
  if (value !== undefined) return [graph.emit("Fill", [], { value }, result)];
  return [graph.constant(data, result)];
};

/**
 * Computes operations on constants now, where the result is small and no open size is involved. Exact on
 * the engine that runs now; where none runs, as in a page whose runtime compiles everything, they are left
 * to the runtime.
 */
export function foldConstants(graph: Graph): Graph {
  const { symbols = [] } = graph;
  const isClosed = ({ shape }: Value): boolean => !shape.some((side) => isOpen(side, symbols));
  return rewrite(graph, (node, rewriter) =>
    [...node.inputs, ...node.outputs].every(isClosed) ? foldNode(node, rewriter) : undefined,
  );
}

/** The number that fills a value, if a `Fill` makes it. */
export function fillOf(value: Value, graph: Rewriter): number | undefined {
  const producer = graph.producer(value);
  return producer?.op === "Fill" ? (producer.attributes["value"] as number) : undefined;
}

const emitFill = (value: number, type: Value, graph: Rewriter): readonly Value[] => [
  graph.emit("Fill", [], { value }, type),
];

/** A fill in its one form: the number as its type holds it, and nothing else. */
function canonicalFill(node: Node, graph: Rewriter): readonly Value[] | undefined {
  const result = resultOf(node);
  const { value, ...rest } = node.attributes;
  const held = filled(value as number, result.dtype, 1)[0] as number;
  if (Object.is(held, value) && Object.keys(rest).length === 0) return undefined;
  return emitFill(held, result, graph);
}

/** The number that an elementwise operation makes of numbers. */
function applied(node: Node, numbers: readonly number[]): number {
  const scalar = ({ id, dtype }: Value, place: number): Value => ({
    id: id + place,
    shape: [],
    dtype,
  });
  const inputs = node.inputs.map((value, place) => scalar({ ...value, id: 0 }, place));
  const outputs = [scalar({ ...resultOf(node), id: 0 }, inputs.length)];
  const operands = numbers.map((value, place) => filled(value, inputs[place]!.dtype, 1));
  return evaluate({ ...node, inputs, outputs }, operands)[0] as number;
}

/** The fill that an operation on fills gives. */
function foldedFill(node: Node, graph: Rewriter): readonly Value[] | undefined {
  const { op, inputs } = node;
  const numbers = inputs.map((value) => fillOf(value, graph));
  const [first] = numbers;
  if (first === undefined || numbers.includes(undefined)) return undefined;
  const { isPointwise, rearranges } = operationOf(op).traits;
  if (rearranges) return emitFill(first, resultOf(node), graph);
  if (!isPointwise) return undefined;
  return emitFill(applied(node, numbers as number[]), resultOf(node), graph);
}

const foldFill: Rule = (node, graph) => {
  if (node.op === "Fill") return canonicalFill(node, graph);
  if (node.op === "ZerosLike") return emitFill(0, resultOf(node), graph);
  if (node.op === "OnesLike") return emitFill(1, resultOf(node), graph);
  return foldedFill(node, graph);
};

/**
 * Computes with repeated numbers as with one number: elementwise operations on fills, and operations that
 * only move elements, give fills of any size without their elements ever existing.
 */
export function foldFills(graph: Graph): Graph {
  return rewrite(graph, foldFill);
}
