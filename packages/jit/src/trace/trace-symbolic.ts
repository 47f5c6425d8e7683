import { ClipError } from "@clip-ts/base";
import type { Dtype, Graph, SymbolicSize } from "../ir/graph.ts";
import { ambiguousSymbols } from "./compare-traces.ts";
import { trace, type InputSpec, type NamedTensors } from "./trace.ts";

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
