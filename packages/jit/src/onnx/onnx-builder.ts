import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Constant, Dtype, Value } from "../ir/graph.ts";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  type NodeProto,
  type TensorProto,
} from "./generated/onnx_pb.ts";

/** Attributes of ONNX nodes: whole numbers, lists of them and words are all that lowerings need. */
export type OnnxAttributes = Readonly<Record<string, number | readonly number[] | string>>;

/** ONNX's numbers for our element types. */
export const dataTypes: Readonly<Record<Dtype, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  int32: TensorProto_DataType.INT32,
  bool: TensorProto_DataType.BOOL,
};

/** An ONNX graph in the making. Values are known by name. */
export interface OnnxBuilder {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  /** Appends a node with one result. @returns the result's name. */
  op(type: string, inputs: readonly string[], attributes?: OnnxAttributes): string;
  /** Appends a node with `count` results. @returns their names. */
  ops(type: string, inputs: readonly string[], attributes: OnnxAttributes, count: number): string[];
  /** A constant list of int64, such as axes or a shape. */
  ints(values: readonly number[]): string;
  /** A constant number. */
  scalar(value: number, dtype: Dtype): string;
  /** A constant tensor. */
  tensor(value: Value, data: Constant["data"]): string;
}

function attribute(
  name: string,
  value: OnnxAttributes[string],
): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") {
    return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  }
  if (typeof value === "string") {
    return { name, type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  return { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

function arrayOf(value: number, dtype: Dtype): Constant["data"] {
  if (dtype === "float32") return Float32Array.of(value);
  return dtype === "int32" ? Int32Array.of(value) : Uint8Array.of(value);
}

/** An empty ONNX graph. */
export function createOnnxBuilder(): OnnxBuilder {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const shared = new Map<string, string>();
  let next = 0;
  const fresh = (): string => `#${next++}`;

  const ops: OnnxBuilder["ops"] = (opType, inputs, attributes, count) => {
    const output = Array.from({ length: count }, fresh);
    const attributeList = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    nodes.push(
      create(NodeProtoSchema, { opType, input: [...inputs], output, attribute: attributeList }),
    );
    return output;
  };
  const initializer = (
    shape: readonly number[],
    dataType: TensorProto_DataType,
    rawData: Uint8Array<ArrayBuffer>,
  ): string => {
    const name = fresh();
    const dims = shape.map(BigInt);
    initializers.push(create(TensorProtoSchema, { name, dims, dataType, rawData }));
    return name;
  };
  const once = (key: string, make: () => string): string => {
    const name = shared.get(key) ?? make();
    shared.set(key, name);
    return name;
  };
  return {
    nodes,
    initializers,
    ops,
    op: (type, inputs, attributes = {}) => ops(type, inputs, attributes, 1)[0] as string,
    ints: (values) =>
      once(`int64:${values.join()}`, () => {
        const bytes = bytesOf(BigInt64Array.from(values, BigInt));
        return initializer([values.length], TensorProto_DataType.INT64, bytes);
      }),
    scalar: (value, dtype) =>
      once(`${dtype}:${Object.is(value, -0) ? "-0" : value}`, () =>
        initializer([], dataTypes[dtype], bytesOf(arrayOf(value, dtype))),
      ),
    tensor: ({ shape, dtype }, data) => initializer(shape, dataTypes[dtype], bytesOf(data)),
  };
}
