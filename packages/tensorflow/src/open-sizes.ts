import type { SymbolicSize } from "@clip-ts/jit";
import { isOpen, sizeOfSide } from "@clip-ts/jit/backend";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type DataType } from "./messages.ts";

/** A tensor of which a side is an open size. */
export interface OpenSource {
  readonly tensor: string;
  readonly dtype: DataType;
  readonly axis: number;
}

/** Open sizes of a graph, and where each can be read when it runs. */
export interface OpenSizes {
  readonly symbols: readonly SymbolicSize[];
  readonly sources: ReadonlyMap<string, OpenSource>;
}

const int32 = attribute.type("int32");

/** The vector of one number that a symbol stands for. */
function emitSymbol(builder: GraphBuilder, name: string, { sources }: OpenSizes): string {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`No tensor has the open size ${name}.`);
  const { tensor, dtype, axis } = source;
  const shape = builder.emitOnce("", "Shape", [tensor], {
    T: attribute.type(dtype),
    out_type: int32,
  });
  const bounds = [[axis], [axis + 1], [1]].map((list) => builder.integers(list));
  const types = { T: int32, Index: int32 };
  return builder.emitOnce("", "StridedSlice", [shape, ...bounds], types);
}

/** The vector of one side: the product of its symbols and its factor. */
function emitSide(builder: GraphBuilder, side: number, open: OpenSizes): string {
  const { factor, symbols } = sizeOfSide(side, open.symbols);
  const factors = symbols.map((name) => emitSymbol(builder, name, open));
  if (factor !== 1 || factors.length === 0) factors.push(builder.integers([factor]));
  return factors.reduce((a, b) => builder.emitOnce("", "Mul", [a, b], { T: int32 }));
}

/** A vector of sides of which some are open. */
function emitSizes(builder: GraphBuilder, sides: readonly number[], open: OpenSizes): string {
  if (!sides.some((side) => isOpen(side, open.symbols))) return builder.integers(sides);
  const parts = sides.map((side) => emitSide(builder, side, open));
  if (parts.length === 1) return parts[0] as string;
  return builder.emitOnce("", "ConcatV2", [...parts, builder.scalar(0, "int32")], {
    N: attribute.integer(parts.length),
    T: int32,
    Tidx: int32,
  });
}

/** The same graph in the making, seen by those who write one with these open sizes into it. */
export const withOpenSizes = (builder: GraphBuilder, open: OpenSizes): GraphBuilder => ({
  ...builder,
  isOpen: (side) => isOpen(side, open.symbols),
  sizes: (sides) => emitSizes(builder, sides, open),
});

/** 0, 1, 2 … as int32, of an open length. */
export function emitCount(builder: GraphBuilder, length: number): string {
  const limit = builder.emitOnce("", "Squeeze", [builder.sizes([length])], { T: int32 });
  const bounds = [builder.scalar(0, "int32"), limit, builder.scalar(1, "int32")];
  return builder.emitOnce("", "Range", bounds, { Tidx: int32 });
}
