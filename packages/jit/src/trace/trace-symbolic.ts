import { ClipError } from "@clip-ts/base";
import {
  isOpen,
  sizeOfSide,
  type Constant,
  type Dtype,
  type Graph,
  type Node,
  type SymbolicSize,
  type Value,
} from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { trace, type InputSpec, type NamedTensors } from "./trace.ts";

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
  const expected = symbols.reduce((product, name) => product * (traces.otherSizes.get(name) as number), factor);
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
    left.data.length === right.data.length && left.data.every((value, index) => Object.is(value, right.data[index]));
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
function ambiguousSymbols(graph: Graph, other: Graph): readonly SymbolicSize[] {
  const symbols = graph.symbols ?? [];
  const otherSizes = new Map((other.symbols ?? []).map(({ name, standIn }) => [name, standIn]));
  const traces: Traces = { symbols, otherSizes, closed: new Set(), doubtful: new Set() };
  const isSameLength = graph.nodes.length === other.nodes.length && graph.constants.length === other.constants.length;
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

/** What a traced function is told about an input of which some sides are left open. */
export interface SymbolicInputSpec {
  /** Numbers, and names of sizes that are known only when the graph runs. */
  readonly shape: readonly (number | string)[];
  /** float32 by default. */
  readonly dtype?: Dtype;
}

/** Bounds on open sizes. */
export interface SymbolicOptions {
  /** The largest value with which the function can be called, by name; no bound by default. */
  readonly atMost?: Readonly<Record<string, number>>;
}

/** Stand-ins are taken from here, the largest first: large ones seldom divide a model's own sizes. */
const largestStandIn = 1021;

const isPrime = (number: number): boolean => {
  for (let divisor = 2; divisor * divisor <= number; divisor++) {
    if (number % divisor === 0) return false;
  }
  return number > 1;
};

function nextPrime(below: number, taken: ReadonlySet<number>): number | undefined {
  for (let number = below - 1; number > 1; number--) {
    if (isPrime(number) && !taken.has(number)) return number;
  }
  return undefined;
}

function outOfStandIns(name: string): never {
  throw new ClipError(
    "unsupported",
    `No number could stand for the open size "${name}": every prime within its bound divides another ` +
      "size of the function. Raise the bound, or fix the size.",
    { data: { name } },
  );
}

/** One stand-in for every open size: below the bound of its own, below `below` if it had one before. */
function chooseStandIns(
  names: readonly string[],
  below: ReadonlyMap<string, number>,
  avoided: Iterable<number> = [],
): SymbolicSize[] {
  const taken = new Set(avoided);
  return names.map((name) => {
    const standIn = nextPrime(below.get(name) ?? 0, taken) ?? outOfStandIns(name);
    taken.add(standIn);
    return { name, standIn };
  });
}

function withStandIns(
  inputs: Readonly<Record<string, SymbolicInputSpec>>,
  symbols: readonly SymbolicSize[],
): Record<string, InputSpec> {
  const sizes = new Map(symbols.map(({ name, standIn }) => [name, standIn]));
  const close = ({ shape, ...rest }: SymbolicInputSpec): InputSpec => ({
    ...rest,
    shape: shape.map((side) => (typeof side === "number" ? side : (sizes.get(side) as number))),
  });
  return Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, close(spec)]));
}

/**
 * Traces a function whose inputs have open sides, such as `["batch", 3, 224, 224]`. It is traced at two
 * choices of sizes: what differs between them depends on the open sizes and must be a product of them;
 * everything else must agree. The graph holds primes in place of open sizes (`Graph.symbols`), chosen so
 * that they divide no other size; passes need not know.
 * @throws ClipError "unsupported" naming the operation that depends on an open size in another way.
 */
export function traceSymbolic(
  run: (inputs: NamedTensors) => NamedTensors,
  inputs: Readonly<Record<string, SymbolicInputSpec>>,
  { atMost = {} }: SymbolicOptions = {},
): Graph {
  const sides = Object.values(inputs).flatMap(({ shape }) => shape);
  const names = [...new Set(sides.filter((side) => typeof side === "string"))];
  const traceAt = (symbols: readonly SymbolicSize[]): Graph => ({
    ...trace(run, withStandIns(inputs, symbols)),
    symbols,
  });
  const below = new Map(names.map((name) => [name, (atMost[name] ?? largestStandIn) + 1]));
  for (;;) {
    const symbols = chooseStandIns(names, below);
    const used = symbols.map(({ standIn }) => standIn);
    const others = chooseStandIns(names, below, used);
    const graph = traceAt(symbols);
    const ambiguous = ambiguousSymbols(graph, traceAt(others));
    if (ambiguous.length === 0) return graph;
    for (const { name, standIn } of ambiguous) below.set(name, standIn);
  }
}
