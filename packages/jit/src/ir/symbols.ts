import type { Graph, SymbolicSize } from "./graph.ts";

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
export function sourceOf(
  graph: Pick<Graph, "inputs">,
  symbol: SymbolicSize,
): SymbolSource | undefined {
  for (const { name, value } of graph.inputs) {
    const axis = value.shape.indexOf(symbol.standIn);
    if (axis !== -1) return { input: name, axis };
  }
  return undefined;
}
