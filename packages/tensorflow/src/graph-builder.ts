import type { Constant, Dtype, Graph, Node, Op, SymbolicSize } from "@clip-ts/jit";
import { isOpen, sizeOfSide } from "@clip-ts/jit/backend";
import { attribute, type Attribute, type DataType, type NodeDef } from "./messages.ts";

/**
 * What TensorFlow's graphs are written of: all that can be traced, and what passes for TensorFlow make of it:
 * `AdamW` (fuse-adamw.ts), `Attention` (fuse-attention.ts), `FusedRows` (rows/fuse-rows.ts) and `SumOfSquares`.
 */
export type TensorflowOp = Op | "AdamW" | "Attention" | "FusedRows" | "SumOfSquares";

/** One operation on its way to TensorFlow. */
export type TensorflowNode = Node<TensorflowOp>;

/** A graph on its way to TensorFlow. */
export type TensorflowGraph = Graph<TensorflowOp>;

/** How matmuls are computed: in 32 bits, or rounded to bfloat16 and accumulated in 32. */
export type Precision = "f32" | "bf16";

/**
 * A TensorFlow graph in the making, to which operations are only appended. Nodes are referred to by name; their
 * first output too.
 */
export interface GraphBuilder {
  readonly nodes: readonly NodeDef[];
  readonly precision: Precision;
  /** Whether TensorFlow has the operations of clip-ts's own native part. */
  readonly hasOwnOperations: boolean;
  /** Whether the native part's GEMM runs here too. */
  readonly hasOwnGemm: boolean;
  /** Whether matmuls with the input of this name are not rounded. */
  readonly staysExact: (input: string) => boolean;
  /** Appends an operation. @returns its name, which also stands for its first output. */
  emit(op: string, inputs: readonly string[], attributes?: Record<string, Attribute>, name?: string): string;
  /** A name for an operation that is appended later. */
  reserve(): string;
  /** Appends an operation unless the same one, of the same inputs, already stands there. */
  emitOnce(key: string, op: string, inputs: readonly string[], attributes?: Record<string, Attribute>): string;
  /** A constant; the same memory is stored once. */
  constant(data: Constant["data"], shape: readonly number[], dtype: Dtype): string;
  /** A vector of whole numbers, such as axes; the same one is stored once. */
  integers(values: readonly number[]): string;
  /** A vector made of sides of shapes; open ones (`withOpenSizes`) are computed when the graph runs. */
  sizes(sides: readonly number[]): string;
  /** Whether a side is open. */
  isOpen(side: number): boolean;
  /** A single number; the same one is stored once. */
  scalar(value: number, dtype: Dtype): string;
}

/** One number in the memory layout of its type. */
function typedNumber(value: number, dtype: Dtype): Constant["data"] {
  if (dtype === "float32") return Float32Array.of(value);
  return dtype === "int32" ? Int32Array.of(value) : Uint8Array.of(value);
}

/** What TensorFlow has of clip-ts's own native part: nothing by default. */
export interface OwnOperations {
  readonly hasOwnOperations?: boolean | undefined;
  /** Its GEMM, which is for some processors only. */
  readonly hasOwnGemm?: boolean | undefined;
}

/** What a graph is made for. */
export interface BuilderOptions extends OwnOperations {
  /** f32 by default. */
  readonly precision?: Precision | undefined;
  /** Whether matmuls with the input of this name are not rounded. */
  readonly staysExact?: ((input: string) => boolean) | undefined;
}

/** An empty graph. */
export function createGraphBuilder({
  precision = "f32",
  staysExact = () => false,
  hasOwnOperations = false,
  hasOwnGemm = false,
}: BuilderOptions = {}): GraphBuilder {
  const nodes: NodeDef[] = [];
  const known = new Map<string, string>();
  let reserved = 0;
  // Names are short, for tfjs-node copies the list of them once per name.
  const emit: GraphBuilder["emit"] = (op, inputs, attributes = {}, name = `n${nodes.length}`) => {
    nodes.push({ name, op, inputs, attributes });
    return name;
  };
  const once = (key: string, make: () => string): string => {
    const name = known.get(key) ?? make();
    known.set(key, name);
    return name;
  };
  const stored = new WeakMap<Constant["data"], Map<string, string>>();
  const constant: GraphBuilder["constant"] = (data, shape, dtype) => {
    const known = stored.get(data) ?? new Map<string, string>();
    stored.set(data, known);
    const name = known.get(shape.join()) ?? emitConstant(data, shape, dtype);
    known.set(shape.join(), name);
    return name;
  };
  const emitConstant = (data: Constant["data"], shape: readonly number[], dtype: Dtype): string =>
    emit("Const", [], {
      dtype: attribute.type(dtype),
      value: attribute.tensor(data, shape, dtype),
    });
  const builder: GraphBuilder = {
    nodes,
    precision,
    hasOwnOperations,
    hasOwnGemm,
    staysExact,
    emit,
    reserve: () => `r${reserved++}`,
    emitOnce: (key, op, inputs, attributes) =>
      once(`${op} ${key} ${inputs.join(" ")}`, () => emit(op, inputs, attributes)),
    constant,
    sizes: (sides) => builder.integers(sides),
    isOpen: () => false,
    integers: (values) =>
      once(`integers ${values.join(" ")}`, () => constant(Int32Array.from(values), [values.length], "int32")),
    scalar: (value, dtype) =>
      once(`scalar ${dtype} ${Object.is(value, -0) ? "-0" : value}`, () =>
        constant(typedNumber(value, dtype), [], dtype),
      ),
  };
  return builder;
}

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
