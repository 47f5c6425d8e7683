import type { Constant, Dtype } from "@clip-ts/jit";

/**
 * Part of a protobuf message, encoded. Large tensors are carried along as they are and copied only once,
 * at the end.
 */
export interface Encoded {
  readonly length: number;
  readonly chunks: readonly Uint8Array[];
}

/** Parts below this many bytes are joined at once, so that chunks stay few. */
const smallestChunk = 4096;

const encoder = new TextEncoder();

/** Joins chunks. */
function concatenated(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

const encodedBytes = (chunk: Uint8Array): Encoded => ({ length: chunk.length, chunks: [chunk] });

/** Parts after each other. */
function sequence(parts: readonly Encoded[]): Encoded {
  const chunks: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let pendingLength = 0;
  const flush = (): void => {
    if (pending.length > 0) chunks.push(concatenated(pending, pendingLength));
    pending = [];
    pendingLength = 0;
  };
  for (const chunk of parts.flatMap((part) => part.chunks)) {
    if (chunk.length >= smallestChunk) {
      flush();
      chunks.push(chunk);
    } else {
      pending.push(chunk);
      pendingLength += chunk.length;
    }
  }
  flush();
  return { length: parts.reduce((total, part) => total + part.length, 0), chunks };
}

/** A base-128 varint; negative numbers take the ten bytes of their 64-bit two's complement. */
function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

/** Parts as one array. */
function joined(parts: readonly Encoded[]): Uint8Array {
  const { chunks, length } = sequence(parts);
  return concatenated(chunks, length);
}

/** An integer, enumeration or truth value. */
const integer = (field: number, value: number): Encoded =>
  encodedBytes(Uint8Array.of(...varint(field * 8), ...varint(value)));

/** A 32-bit float. */
const float = (field: number, value: number): Encoded =>
  encodedBytes(Uint8Array.of(...varint(field * 8 + 5), ...new Uint8Array(Float32Array.of(value).buffer)));

const lengthPrefix = (field: number, length: number): Encoded =>
  encodedBytes(Uint8Array.of(...varint(field * 8 + 2), ...varint(length)));

/** Bytes of known length. */
const bytes = (field: number, value: Uint8Array): Encoded =>
  sequence([lengthPrefix(field, value.length), encodedBytes(value)]);

/** UTF-8 text. */
const text = (field: number, value: string): Encoded => bytes(field, encoder.encode(value));

/** A message inside a message. */
function message(field: number, parts: readonly Encoded[]): Encoded {
  const body = sequence(parts);
  return sequence([lengthPrefix(field, body.length), body]);
}

/** Entries of a map whose keys are text and whose values are messages. */
const entries = (field: number, map: ReadonlyMap<string, readonly Encoded[]>): Encoded[] =>
  Array.from(map, ([key, value]) => message(field, [text(1, key), message(2, value)]));

/** Element types by their number in TensorFlow's `types.proto`. */
const dataTypes = { float32: 1, int32: 3, uint8: 4, bool: 10, bfloat16: 14, resource: 20 } as const;

/** The name of an element type. */
export type DataType = keyof typeof dataTypes;

/** One attribute of a TensorFlow operation (`attr_value.proto`), encoded. */
export type Attribute = readonly Encoded[];

const shapeProto = (shape: readonly number[]): Encoded[] => shape.map((side) => message(2, [integer(1, side)]));

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
  const graph = [...nodes.map((node) => message(1, nodeProto(node))), message(4, [integer(1, graphVersion)])];
  const named = Object.entries(signatures).map(([name, signature]): [string, Encoded[]] => [
    name,
    signatureProto(signature),
  ]);
  return joined([
    integer(1, 1),
    message(2, [message(1, [text(4, "serve")]), message(2, graph), ...entries(5, new Map(named))]),
  ]);
}
