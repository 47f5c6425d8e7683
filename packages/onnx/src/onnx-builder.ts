import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Constant, Dtype, SymbolicSize, Value } from "@clip-ts/jit";
import { isOpen, sizeOfSide, type SymbolSource } from "@clip-ts/jit/backend";
import {
  AttributeProto_AttributeType,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  type AttributeProtoSchema,
  type NodeProto,
  type TensorProto,
} from "./generated/onnx_pb.ts";

/** A number with a fraction, among attributes whose numbers are whole. */
export interface Fraction {
  readonly fraction: number;
}

/** Attributes of ONNX nodes, of the kinds that lowerings need. */
export type OnnxAttributes = Readonly<Record<string, number | readonly number[] | string | Fraction>>;

function attribute(name: string, value: OnnxAttributes[string]): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") {
    return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  }
  if (typeof value === "string") {
    return { name, type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ("fraction" in value) {
    return { name, type: AttributeProto_AttributeType.FLOAT, f: value.fraction };
  }
  return { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}

/** One operation of an ONNX graph. */
export function createNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxAttributes = {},
): NodeProto {
  const entries = Object.entries(attributes).map(([name, value]) => attribute(name, value));
  return create(NodeProtoSchema, {
    opType,
    input: [...inputs],
    output: [...outputs],
    attribute: entries,
  });
}

/** ONNX's numbers for our element types. */
export const dataTypes: Readonly<Record<Dtype, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  int32: TensorProto_DataType.INT32,
  bool: TensorProto_DataType.BOOL,
  uint8: TensorProto_DataType.UINT8,
};

/** An ONNX graph in the making. Values are known by name. */
export interface OnnxBuilder {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  /** Appends a node with one result. @returns the result's name. */
  op(type: string, inputs: readonly string[], attributes?: OnnxAttributes): string;
  /** Appends a node with `count` results. @returns their names. */
  ops(type: string, inputs: readonly string[], attributes: OnnxAttributes, count: number): string[];
  /** A constant list of int64, such as axes. */
  ints(values: readonly number[]): string;
  /** A list of int64 made of sides of shapes; open ones are computed when the model runs. */
  sizes(sides: readonly number[]): string;
  /** Whether a side is open. */
  isOpen(side: number): boolean;
  /** A constant number. */
  scalar(value: number, dtype: Dtype): string;
  /** A constant tensor; it goes by the name of its source if that is not taken. */
  tensor(value: Value, data: Constant["data"], name?: string): string;
}

/** Open sizes of the graph, and where each can be read. */
export interface OpenSizes {
  readonly symbols: readonly SymbolicSize[];
  readonly source: (symbol: SymbolicSize) => SymbolSource;
}

const noOpenSizes: OpenSizes = {
  symbols: [],
  source: ({ name }) => {
    throw new Error(`No input has the open size ${name}.`);
  },
};

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

function arrayOf(value: number, dtype: Dtype): Constant["data"] {
  if (dtype === "float32") return Float32Array.of(value);
  return dtype === "int32" ? Int32Array.of(value) : Uint8Array.of(value);
}

/** How open sides are said in ONNX: read from the shapes of inputs, multiplied and put in a list. */
function sizeLists(
  onnx: Pick<OnnxBuilder, "op" | "ints">,
  { symbols, source }: OpenSizes,
  once: (key: string, make: () => string) => string,
): (sides: readonly number[]) => string {
  const symbolSize = (name: string): string =>
    once(`symbol:${name}`, () => {
      const symbol = symbols.find((known) => known.name === name) as SymbolicSize;
      const { input, axis } = source(symbol);
      return onnx.op("Shape", [input], { start: axis, end: axis + 1 });
    });
  const side = (number: number): string => {
    const { factor, symbols: names } = sizeOfSide(number, symbols);
    const factors = [...names.map(symbolSize), ...(factor === 1 ? [] : [onnx.ints([factor])])];
    return once(`side:${number}`, () => factors.reduce((a, b) => onnx.op("Mul", [a, b])));
  };
  return (sides) => {
    if (!sides.some((number) => isOpen(number, symbols))) return onnx.ints(sides);
    return once(`sides:${sides.join()}`, () => {
      const parts = sides.map((number) => (isOpen(number, symbols) ? side(number) : onnx.ints([number])));
      return parts.length === 1 ? (parts[0] as string) : onnx.op("Concat", parts, { axis: 0 });
    });
  };
}

/** An empty ONNX graph. */
export function createOnnxBuilder(openSizes: OpenSizes = noOpenSizes): OnnxBuilder {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const shared = new Map<string, string>();
  let next = 0;
  const fresh = (): string => `#${next++}`;

  const ops: OnnxBuilder["ops"] = (opType, inputs, attributes, count) => {
    const output = Array.from({ length: count }, fresh);
    nodes.push(createNode(opType, inputs, output, attributes));
    return output;
  };
  const named = new Set<string>();
  const initializer = (
    shape: readonly number[],
    dataType: TensorProto_DataType,
    rawData: Uint8Array<ArrayBuffer>,
    wanted?: string,
  ): string => {
    const name = wanted === undefined || named.has(wanted) ? fresh() : wanted;
    named.add(name);
    const dims = shape.map(BigInt);
    initializers.push(create(TensorProtoSchema, { name, dims, dataType, rawData }));
    return name;
  };
  const once = (key: string, make: () => string): string => {
    const name = shared.get(key) ?? make();
    shared.set(key, name);
    return name;
  };
  const op: OnnxBuilder["op"] = (type, inputs, attributes = {}) => ops(type, inputs, attributes, 1)[0] as string;
  const ints: OnnxBuilder["ints"] = (values) =>
    once(`int64:${values.join()}`, () => {
      const bytes = bytesOf(BigInt64Array.from(values, BigInt));
      return initializer([values.length], TensorProto_DataType.INT64, bytes);
    });
  return {
    nodes,
    initializers,
    ops,
    op,
    ints,
    sizes: sizeLists({ op, ints }, openSizes, once),
    isOpen: (side) => isOpen(side, openSizes.symbols),
    scalar: (value, dtype) =>
      once(`${dtype}:${Object.is(value, -0) ? "-0" : value}`, () =>
        initializer([], dataTypes[dtype], bytesOf(arrayOf(value, dtype))),
      ),
    tensor: ({ shape, dtype }, data, name) => initializer(shape, dataTypes[dtype], bytesOf(data), name),
  };
}
