import { sizeOf } from "@clip-ts/core";
import type { Constant, Graph, Node, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { resultOf, rewrite, sameShape, type Rewriter, type Rule } from "./rewrite.ts";

const inAxisOrder = (perm: readonly number[]): boolean => perm.every((from, axis) => from === axis);

function isIdentity(node: Node, x: Value): boolean {
  if (node.inputs.length !== 1) return false;
  if (node.op === "Transpose") return inAxisOrder(node.attributes["perm"] as number[]);
  const result = resultOf(node);
  const isSameType = result.dtype === x.dtype && sameShape(result.shape, x.shape);
  return isSameType && operationOf(node.op).traits.returnsSameType === true;
}

/** Whether only the shape changes: the elements are the same ones in the same order. */
function onlyReshapes(node: Node, x: Value): boolean {
  if (node.op === "ExpandDims") return true;
  const { shape, dtype } = resultOf(node);
  const { reducesOver } = operationOf(node.op).traits;
  return reducesOver !== undefined && dtype === x.dtype && sizeOf(shape) === sizeOf(x.shape);
}

/** A reshape in its one form: the full shape, no side left open. */
function asReshape(node: Node, x: Value, graph: Rewriter): Value | undefined {
  const result = resultOf(node);
  const isWritten = node.op === "Reshape" && sameShape(node.attributes["shape"] as number[], result.shape);
  if (isWritten || (node.op !== "Reshape" && !onlyReshapes(node, x))) return undefined;
  return graph.emit("Reshape", [x], { shape: result.shape }, result);
}

/** A cast of a cast from bool is one cast: every type holds 0 and 1. */
function directCast(node: Node, x: Value, graph: Rewriter): Value | undefined {
  const earlier = node.op === "Cast" ? graph.producer(x) : undefined;
  const source = earlier?.inputs[0];
  if (earlier?.op !== "Cast" || source?.dtype !== "bool") return undefined;
  const result = resultOf(node);
  if (result.dtype === "bool") return source;
  return graph.emit("Cast", [source], { dtype: result.dtype }, result);
}

const identity: Rule = (node, graph) => {
  const x = node.inputs[0];
  if (x === undefined) return undefined;
  if (node.op === "SplitV" && node.outputs.length === 1) return [x];
  if (isIdentity(node, x)) return [x];
  const simpler = asReshape(node, x, graph) ?? directCast(node, x, graph);
  return simpler === undefined ? undefined : [simpler];
};

/**
 * Drops operations that give back what they are given, and writes `ExpandDims` and reductions over sides
 * of length 1 as the reshapes they are. Exact.
 */
export function removeIdentities(graph: Graph): Graph {
  return rewrite(graph, identity);
}

/** Weights of more elements than this, which have names, stay apart: whoever reads the graph looks for each. */
const fewElements = 4096;

const typeOf = ({ shape, dtype }: Value): string => `${dtype}[${shape.join(",")}]`;

/** Numbers as text in which signed zeros and values that are not finite stay apart. */
const written = (_: string, value: unknown): unknown =>
  typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? `number ${Object.is(value, -0) ? "-0" : value}`
    : value;

/** Text that two operations share exactly when they compute the same. No operation is random. */
function keyOf({ op, inputs, attributes, outputs }: Node): string {
  const ids = inputs.map(({ id }) => id);
  if (operationOf(op).traits.commutes) ids.sort((left, right) => left - right);
  const types = outputs.map(typeOf).join(" ");
  return `${op} ${ids.join(" ")} ${JSON.stringify(attributes, written)} ${types}`;
}

const bytesOf = ({ data }: Constant): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Whether constants of one type have the same bits. Others mostly differ in the first. */
function sameBits(one: Constant, other: Constant): boolean {
  const [bytes, others] = [bytesOf(one), bytesOf(other)];
  return bytes.every((byte, at) => byte === others[at]);
}

/**
 * The graph with each constant once: a causal mask of 77 tokens is 5,929 numbers, and a tower that is traced twice is
 * computed once only if its mask is one.
 */
function shareConstants(graph: Graph): Graph {
  const distinct = new Map<string, Constant[]>();
  const shared = new Map<number, Value>();
  for (const constant of graph.constants) {
    const { value, data, name } = constant;
    if (name !== undefined && data.length > fewElements) continue;
    const alike = distinct.get(typeOf(value)) ?? [];
    const known = alike.find((other) => sameBits(constant, other));
    if (known === undefined) distinct.set(typeOf(value), [...alike, constant]);
    else shared.set(value.id, known.value);
  }
  if (shared.size === 0) return graph;
  const current = (value: Value): Value => shared.get(value.id) ?? value;
  return {
    ...graph,
    constants: graph.constants.filter(({ value }: Constant) => !shared.has(value.id)),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(current) })),
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: current(value) })),
  };
}

/** Computes once what is written twice: same operation, same operands, same attributes. Exact. */
export function shareCommonSubexpressions(graph: Graph): Graph {
  const first = new Map<string, readonly Value[]>();
  return rewrite(shareConstants(graph), (node) => {
    const key = keyOf(node);
    const known = first.get(key);
    if (known === undefined) first.set(key, node.outputs);
    return known;
  });
}
