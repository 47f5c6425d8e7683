import { ClipError } from "@clip-ts/base";
import type { Constant, Graph, Node, SymbolicSize, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { isOpen, sizeOfSide } from "../ir/symbols.ts";

/** The error of a function that uses open sizes in a way that a graph cannot say. */
function fail(what: string, symbols: readonly SymbolicSize[]): never {
  const names = symbols.map(({ name }) => name);
  throw new ClipError(
    "unsupported",
    `${what}. With ${names.join(", ")} left open, only sides of shapes may depend on them, and only as ` +
      "their products; compute other things with tensors (range, less, slice) instead of numbers.",
    { data: { symbols: names } },
  );
}

/** The same graph traced at two choices of open sizes. */
interface Traces {
  readonly symbols: readonly SymbolicSize[];
  readonly otherSizes: ReadonlyMap<string, number>;
  /** Sides that are the same in both. */
  readonly closed: Set<number>;
  /** Operations with a side that changes, but not as the product that the stand-ins say. */
  readonly doubtful: Set<string>;
}

/** Notes a side that does not change, and one that does but is not the same product in both traces. */
function compareSide(side: number, other: number, op: string, traces: Traces): void {
  if (side === other) {
    traces.closed.add(side);
    return;
  }
  const { factor, symbols } = sizeOfSide(side, traces.symbols);
  const expected = symbols.reduce(
    (product, name) => product * (traces.otherSizes.get(name) as number),
    factor,
  );
  if (expected !== other) traces.doubtful.add(op);
}

function compareShape(left: Value, right: Value, op: string, traces: Traces): void {
  if (left.shape.length !== right.shape.length || left.dtype !== right.dtype) {
    fail(`${op} has another rank or type at other sizes`, traces.symbols);
  }
  left.shape.forEach((side, axis) => compareSide(side, right.shape[axis] as number, op, traces));
}

function compareAttributes(left: Node, right: Node, traces: Traces): void {
  const { implied = [], sides: sideList } = operationOf(left.op).traits;
  for (const [name, value] of Object.entries(left.attributes)) {
    const other = right.attributes[name];
    if (sideList === name) {
      const sides = other as readonly number[];
      (value as readonly number[]).forEach((side, place) => {
        compareSide(side, sides[place] as number, left.op, traces);
      });
    } else if (JSON.stringify(value) !== JSON.stringify(other) && !implied.includes(name)) {
      fail(`The attribute "${name}" of ${left.op} depends on an open size`, traces.symbols);
    }
  }
}

function compareNodes(left: Node, right: Node, traces: Traces): void {
  const ids = ({ inputs }: Node): string => inputs.map(({ id }) => id).join();
  if (left.op !== right.op || ids(left) !== ids(right)) {
    fail(`The function does ${left.op} at one size and ${right.op} at another`, traces.symbols);
  }
  compareAttributes(left, right, traces);
  left.outputs.forEach((value, place) => {
    compareShape(value, right.outputs[place] as Value, left.op, traces);
  });
}

function compareConstants(left: Constant, right: Constant, traces: Traces): void {
  const isSame =
    left.data.length === right.data.length &&
    left.data.every((value, index) => Object.is(value, right.data[index]));
  if (!isSame) {
    const shape = left.value.shape.join(", ");
    fail(`A constant of shape [${shape}] depends on an open size`, traces.symbols);
  }
  compareShape(left.value, right.value, "A constant", traces);
}

/**
 * Compares a function's graphs at two choices of open sizes.
 * @returns the symbols whose stand-ins cannot be told from the function's own sizes; others are needed.
 * @throws ClipError "unsupported" if the graphs differ in anything but sides that are products of open sizes.
 */
export function ambiguousSymbols(graph: Graph, other: Graph): readonly SymbolicSize[] {
  const symbols = graph.symbols ?? [];
  const otherSizes = new Map((other.symbols ?? []).map(({ name, standIn }) => [name, standIn]));
  const traces: Traces = { symbols, otherSizes, closed: new Set(), doubtful: new Set() };
  const isSameLength =
    graph.nodes.length === other.nodes.length && graph.constants.length === other.constants.length;
  if (!isSameLength) fail("The function does more operations at one size than at another", symbols);
  graph.inputs.forEach(({ name, value }, place) => {
    compareShape(value, other.inputs[place]!.value, `The input ${name}`, traces);
  });
  graph.constants.forEach((constant, place) => {
    compareConstants(constant, other.constants[place] as Constant, traces);
  });
  graph.nodes.forEach((node, place) => compareNodes(node, other.nodes[place] as Node, traces));
  const closed = [...traces.closed];
  const ambiguous = symbols.filter((symbol) => closed.some((side) => isOpen(side, [symbol])));
  const [doubtful] = traces.doubtful;
  if (ambiguous.length === 0 && doubtful !== undefined) {
    fail(`${doubtful} has a side that is no product of open sizes`, symbols);
  }
  return ambiguous;
}
