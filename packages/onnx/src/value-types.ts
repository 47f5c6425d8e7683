import { TensorProto_DataType, type NodeProto } from "./generated/onnx_pb.ts";

const { BOOL, FLOAT, INT64 } = TensorProto_DataType;

/** Operations whose results have a type of their own. */
const ownTypes: Readonly<Record<string, number>> = {
  And: BOOL,
  ArgMax: INT64,
  Equal: BOOL,
  Greater: BOOL,
  GreaterOrEqual: BOOL,
  Less: BOOL,
  LessOrEqual: BOOL,
  Not: BOOL,
  Or: BOOL,
  Shape: INT64,
};

/** The element types of what an operation makes, by name, given those of its operands. */
export function typeOfResults(
  { opType, input, output, attribute }: NodeProto,
  types: ReadonlyMap<string, number>,
): (readonly [string, number])[] {
  const target = attribute.find(({ name }) => name === "to")?.i;
  const source = input[opType === "Where" ? 1 : 0] as string;
  const type =
    opType === "Cast" ? Number(target) : (ownTypes[opType] ?? types.get(source) ?? FLOAT);
  return output.map((name) => [name, type]);
}
