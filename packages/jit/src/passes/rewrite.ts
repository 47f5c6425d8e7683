import type { Op } from "../ir/ops.ts";
import type { Attributes, Constant, Graph, NamedValue, Node, Value } from "../ir/graph.ts";

/** A value without its number. */
export type ValueType = Pick<Value, "shape" | "dtype">;

/** What a rule may ask of the graph that is being written, and add to it. */
export interface Rewriter<Name extends string = Op> {
  /** The operation that makes a value; undefined for inputs and constants. */
  producer(value: Value): Node<Name> | undefined;
  /** The data of a constant. */
  constantBehind(value: Value): Constant | undefined;
  /** Appends an operation with one result. */
  emit(op: Name, inputs: readonly Value[], attributes: Attributes, type: ValueType): Value;
  /** Adds a constant, which may bear the name of its source. */
  constant(data: Constant["data"], type: ValueType, name?: string): Value;
}

/**
 * Looks at one operation, whose inputs are rewritten already. Returns the values to use in place of its
 * results, or undefined to keep it.
 */
export type Rule<Name extends string = Op> = (node: Node<Name>, graph: Rewriter<Name>) => readonly Value[] | undefined;

/** The smallest number that no value of the graph has. */
function firstFreeId(graph: Graph<string>): number {
  let next = 0;
  const see = ({ id }: Value): void => {
    next = Math.max(next, id + 1);
  };
  for (const { value } of graph.inputs) see(value);
  for (const { value } of graph.constants) see(value);
  for (const { outputs } of graph.nodes) outputs.forEach(see);
  return next;
}

function createRewriter<Name extends string>(
  graph: Graph<Name>,
  nodes: Node<Name>[],
  constants: Constant[],
): Rewriter<Name> {
  const made = new Map<number, Node<Name>>();
  const data = new Map(constants.map((constant) => [constant.value.id, constant]));
  let next = firstFreeId(graph);
  const fresh = ({ shape, dtype }: ValueType): Value => ({ id: next++, shape, dtype });
  let registered = 0;
  const register = (): void => {
    for (; registered < nodes.length; registered++) {
      const node = nodes[registered] as Node<Name>;
      for (const { id } of node.outputs) made.set(id, node);
    }
  };
  return {
    producer(value) {
      register();
      return made.get(value.id);
    },
    constantBehind: (value) => data.get(value.id),
    emit(op, inputs, attributes, type) {
      const value = fresh(type);
      nodes.push({ op, inputs, attributes, outputs: [value] });
      return value;
    },
    constant(values, type, name) {
      const constant = {
        value: fresh(type),
        data: values,
        ...(name === undefined ? {} : { name }),
      };
      data.set(constant.value.id, constant);
      constants.push(constant);
      return constant.value;
    },
  };
}

/**
 * One walk over a graph in running order, with a rule that may replace each operation. What is replaced
 * stays behind unused, for removeDeadCode. The same graph comes back if the rule never applied.
 */
export function rewrite<Name extends string = Op>(graph: Graph<Name>, rule: Rule<Name>): Graph<Name> {
  const nodes: Node<Name>[] = [];
  const constants = [...graph.constants];
  const rewriter = createRewriter(graph, nodes, constants);
  const replaced = new Map<number, Value>();
  const current = (value: Value): Value => replaced.get(value.id) ?? value;
  for (const node of graph.nodes) {
    const isTouched = node.inputs.some(({ id }) => replaced.has(id));
    const seen = isTouched ? { ...node, inputs: node.inputs.map(current) } : node;
    const results = rule(seen, rewriter);
    if (results === undefined) nodes.push(seen);
    else node.outputs.forEach(({ id }, index) => replaced.set(id, results[index] as Value));
  }
  if (replaced.size === 0) return graph;
  const outputs: NamedValue[] = graph.outputs.map(({ name, value }) => ({
    name,
    value: current(value),
  }));
  return { ...graph, constants, nodes, outputs };
}

/** The one result of an operation that has one. */
export const resultOf = ({ outputs }: Pick<Node, "outputs">): Value => outputs[0] as Value;

/** Whether two shapes are equal. */
export function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((side, axis) => side === right[axis]);
}
