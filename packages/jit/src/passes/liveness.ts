import { sizeOf } from "@clip-ts/core";
import type { Graph, Value } from "../ir/graph.ts";
import { operationOf, type Op } from "../ir/ops.ts";

/** For a value that is a view of another: the id of the value that owns the memory; else its own id. */
function memoryOf(graph: Graph): (id: number) => number {
  const owner = new Map<number, number>();
  const find = (id: number): number => owner.get(id) ?? id;
  for (const { op, inputs, outputs } of graph.nodes) {
    if (!operationOf(op).traits.isView) continue;
    for (const { id } of outputs) owner.set(id, find((inputs[0] as Value).id));
  }
  return find;
}

/**
 * The place in graph.nodes of the last operation that reads each value's memory, by the value's id; a value
 * and its reshapes share their memory. Outputs of the graph are read after the last operation, at
 * graph.nodes.length; values that nothing reads are missing. An operation may write over an operand that it
 * is the last to read, unless that memory is an input's or a constant's.
 */
export function lastUses(graph: Graph): ReadonlyMap<number, number> {
  const memory = memoryOf(graph);
  const last = new Map<number, number>();
  graph.nodes.forEach(({ inputs }, place) => {
    for (const { id } of inputs) last.set(memory(id), place);
  });
  for (const { value } of graph.outputs) last.set(memory(value.id), graph.nodes.length);
  for (const { id } of graph.nodes.flatMap(({ outputs }) => outputs)) {
    const place = last.get(memory(id));
    if (place !== undefined) last.set(id, place);
  }
  return last;
}

/** Memory of one value, in bytes. */
const bytesOf = ({ shape, dtype }: Value): number => sizeOf(shape) * (dtype === "bool" || dtype === "uint8" ? 1 : 4);

/**
 * The most memory, in bytes, that a run holds at once if it frees each value after its last use: inputs and
 * constants throughout, and what the operations make. An engine's scratch space comes on top.
 */
export function peakBytes(graph: Graph): number {
  const memory = memoryOf(graph);
  const last = lastUses(graph);
  const freed = new Map<number, number>();
  const resident = [...graph.inputs, ...graph.constants];
  let held = resident.reduce((sum, { value }) => sum + bytesOf(value), 0);
  let peak = held;
  graph.nodes.forEach(({ outputs }, place) => {
    for (const value of outputs.filter(({ id }) => memory(id) === id)) {
      const until = last.get(value.id) ?? place;
      held += bytesOf(value);
      freed.set(until, (freed.get(until) ?? 0) + bytesOf(value));
    }
    peak = Math.max(peak, held);
    held -= freed.get(place) ?? 0;
  });
  return peak;
}

/** Drops operations and constants that no output needs. Inputs stay: they are the graph's signature. */
export function removeDeadCode<Name extends string = Op>(graph: Graph<Name>): Graph<Name> {
  const needed = new Set(graph.outputs.map(({ value }) => value.id));
  const isNeeded = ({ id }: { readonly id: number }): boolean => needed.has(id);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some(isNeeded)) return false;
    for (const { id } of node.inputs) needed.add(id);
    return true;
  });
  const constants = graph.constants.filter(({ value }) => isNeeded(value));
  const isClean = nodes.length === graph.nodes.length && constants.length === graph.constants.length;
  return isClean ? graph : { ...graph, constants, nodes: nodes.toReversed() };
}
