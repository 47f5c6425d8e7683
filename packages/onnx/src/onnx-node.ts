import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  NodeProtoSchema,
  type NodeProto,
} from "./generated/onnx_pb.ts";

/** A number with a fraction, among attributes whose numbers are whole. */
export interface Fraction {
  readonly fraction: number;
}

/** Attributes of ONNX nodes, of the kinds that lowerings need. */
export type OnnxAttributes = Readonly<
  Record<string, number | readonly number[] | string | Fraction>
>;

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
