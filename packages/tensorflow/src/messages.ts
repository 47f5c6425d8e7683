import type { Constant, Dtype } from "@clip-ts/jit";
import { bytes, entries, float, integer, joined, message, text, type Encoded } from "./wire.ts";

/** Element types by their number in TensorFlow's `types.proto`. */
export const dataTypes = { float32: 1, int32: 3, bool: 10, bfloat16: 14, resource: 20 } as const;

/** The name of an element type. */
export type DataType = keyof typeof dataTypes;

/** One attribute of a TensorFlow operation (`attr_value.proto`), encoded. */
export type Attribute = readonly Encoded[];

const shapeProto = (shape: readonly number[]): Encoded[] =>
  shape.map((side) => message(2, [integer(1, side)]));

/** Attributes by kind. */
export const attribute = {
  text: (value: string): Attribute => [text(2, value)],
  integer: (value: number): Attribute => [integer(3, value)],
  flag: (value: boolean): Attribute => [integer(5, value ? 1 : 0)],
  integers: (values: readonly number[]): Attribute => [
    message(
      1,
      values.map((value) => integer(3, value)),
    ),
  ],
  floats: (values: readonly number[]): Attribute => [
    message(
      1,
      values.map((value) => float(4, value)),
    ),
  ],
  type: (value: DataType): Attribute => [integer(6, dataTypes[value])],
  types: (values: readonly DataType[]): Attribute => [
    message(
      1,
      values.map((value) => integer(6, dataTypes[value])),
    ),
  ],
  shapes: (values: readonly (readonly number[])[]): Attribute => [
    message(
      1,
      values.map((value) => message(7, shapeProto(value))),
    ),
  ],
  shape: (value: readonly number[]): Attribute => [message(7, shapeProto(value))],
  /** A shape of which nothing is known. */
  anyShape: (): Attribute => [message(7, [integer(3, 1)])],
  float: (value: number): Attribute => [float(4, value)],
  /** Numbers in little-endian order, as they lie in memory. */
  tensor(data: Constant["data"], shape: readonly number[], dtype: Dtype): Attribute {
    const content = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const parts = [integer(1, dataTypes[dtype]), message(2, shapeProto(shape)), bytes(4, content)];
    return [message(8, parts)];
  },
};

/** One operation as TensorFlow stores it (`node_def.proto`). */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  /** "node", "node:output", or "^node" for one that must only have run before. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of a signature. */
export interface TensorInfo {
  /** "node:output". */
  readonly tensor: string;
  readonly dtype: DataType;
  /** -1 stands for a side that only a run knows. */
  readonly shape: readonly number[];
}

/** An entry point of a SavedModel: which tensors to feed and which to fetch. */
export interface Signature {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly outputs: Readonly<Record<string, TensorInfo>>;
}

const nodeProto = ({ name, op, inputs, attributes }: NodeDef): Encoded[] => [
  text(1, name),
  text(2, op),
  ...inputs.map((input) => text(3, input)),
  ...entries(5, new Map(Object.entries(attributes))),
];

const infoProto = ({ tensor, dtype, shape }: TensorInfo): Encoded[] => [
  text(1, tensor),
  integer(2, dataTypes[dtype]),
  message(3, shapeProto(shape)),
];

const infoMap = (infos: Readonly<Record<string, TensorInfo>>): Map<string, Encoded[]> =>
  new Map(Object.entries(infos).map(([name, info]) => [name, infoProto(info)]));

const signatureProto = ({ inputs, outputs }: Signature): Encoded[] => [
  ...entries(1, infoMap(inputs)),
  ...entries(2, infoMap(outputs)),
  text(3, "tensorflow/serving/predict"),
];

/** Graphs of TensorFlow 2.9, which tfjs-node's own installer fetches, and of every later release. */
const graphVersion = 1087;

/** The contents of `saved_model.pb` (`saved_model.proto`) with one graph, tagged "serve". */
export function encodeSavedModel(
  nodes: readonly NodeDef[],
  signatures: Readonly<Record<string, Signature>>,
): Uint8Array {
  const graph = [
    ...nodes.map((node) => message(1, nodeProto(node))),
    message(4, [integer(1, graphVersion)]),
  ];
  const named = Object.entries(signatures).map(([name, signature]): [string, Encoded[]] => [
    name,
    signatureProto(signature),
  ]);
  return joined([
    integer(1, 1),
    message(2, [message(1, [text(4, "serve")]), message(2, graph), ...entries(5, new Map(named))]),
  ]);
}
