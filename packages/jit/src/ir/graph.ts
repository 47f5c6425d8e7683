import type { HostArray, HostDtype } from "@clip-ts/core";
import type { Op } from "./ops.ts";

/**
 * Element types of traced values. Only inputs have `uint8`, and only a Cast reads them: tfjs has no such type, so
 * that a function which is traced sees float32.
 */
export type Dtype = HostDtype;

/** Those of them that tfjs has. */
export type TensorDtype = Exclude<Dtype, "uint8">;

/** A tensor that does not exist yet: what a node produces or a graph is given. */
export interface Value {
  /** Unique in its graph. */
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** Numbers, words, truth values, and lists and records of them: no functions, no objects of classes. */
export type PlainData =
  | number
  | string
  | boolean
  | null
  | undefined
  | readonly PlainData[]
  | { readonly [name: string]: PlainData };

/** Plain data that completes an operation: axes, permutations, constants. */
export type Attributes = Readonly<Record<string, PlainData>>;

/** One operation, with the attributes of its tfjs kernel. A backend's graphs may have more operations than `Op`. */
export interface Node<Name extends string = Op> {
  readonly op: Name;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** Values known when the graph was traced. */
export interface Constant {
  readonly value: Value;
  readonly data: HostArray["data"];
  /** How its source calls it, such as a parameter's path. */
  readonly name?: string;
}

/** A size that is known only when the graph runs, such as the length of a batch. */
export interface SymbolicSize {
  readonly name: string;
  /** The prime that stands for it in shapes. A side is a multiple of it if and only if it depends on it. */
  readonly standIn: number;
}

/** A value with the name by which callers know it. */
export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/** A pure function as data. Nodes stand in an order in which they can run. */
export interface Graph<Name extends string = Op> {
  readonly inputs: readonly NamedValue[];
  readonly constants: readonly Constant[];
  readonly nodes: readonly Node<Name>[];
  readonly outputs: readonly NamedValue[];
  /** Sizes left open; none by default. */
  readonly symbols?: readonly SymbolicSize[];
}

/** A side of a shape as `factor` times the product of the named symbols, each as often as it occurs. */
export interface Size {
  readonly factor: number;
  readonly symbols: readonly string[];
}

/** Reads a side of a graph's shape: what stand-ins it is made of, and the number that remains. */
export function sizeOfSide(side: number, symbols: readonly SymbolicSize[] = []): Size {
  const found: string[] = [];
  let factor = side;
  for (const { name, standIn } of side > 0 ? symbols : []) {
    while (factor % standIn === 0) {
      factor /= standIn;
      found.push(name);
    }
  }
  return { factor, symbols: found };
}

/** Whether a side is known only when the graph runs. */
export function isOpen(side: number, symbols: readonly SymbolicSize[] = []): boolean {
  return side > 0 && symbols.some(({ standIn }) => side % standIn === 0);
}

/** The side as people write it: a number, a name, or a product such as `batch*tokens*4`. */
export function describeSide(side: number, symbols: readonly SymbolicSize[] = []): string {
  const size = sizeOfSide(side, symbols);
  const isFactorShown = size.factor !== 1 || size.symbols.length === 0;
  return [...size.symbols, ...(isFactorShown ? [size.factor] : [])].join("*");
}

/** Where a symbol can be read when the graph runs. */
export interface SymbolSource {
  readonly input: string;
  readonly axis: number;
}

/** The first input of a graph with a side that is the symbol and nothing else. */
export function sourceOf(graph: Pick<Graph, "inputs">, symbol: SymbolicSize): SymbolSource | undefined {
  for (const { name, value } of graph.inputs) {
    const axis = value.shape.indexOf(symbol.standIn);
    if (axis !== -1) return { input: name, axis };
  }
  return undefined;
}

function formatAttributes(attributes: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(attributes).filter(([, value]) => value != null);
  return entries.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join("");
}

/** The graph as text, one operation a line, for people and for tests. Open sizes go by their names. */
export function formatGraph(graph: Graph<string>): string {
  const describe = ({ id, shape, dtype }: Value): string => {
    const kind = dtype === "float32" ? "" : ` ${dtype}`;
    return `%${id}[${shape.map((side) => describeSide(side, graph.symbols)).join(",")}]${kind}`;
  };
  const inputs = graph.inputs.map(({ name, value }) => `${describe(value)} = input ${name}`);
  const constants = graph.constants.map(({ value, data }) => {
    const shown = data.slice(0, 4).join(",") + (data.length > 4 ? ",…" : "");
    return `${describe(value)} = constant ${shown}`;
  });
  const nodes = graph.nodes.map((node) => {
    const operands = node.inputs.map(({ id }) => ` %${id}`).join("");
    const results = node.outputs.map(describe).join(", ");
    return `${results} = ${node.op}${operands}${formatAttributes(node.attributes)}`;
  });
  const outputs = graph.outputs.map(({ name, value }) => `output ${name} = %${value.id}`);
  return [...inputs, ...constants, ...nodes, ...outputs].join("\n");
}
