import type { Value } from "@clip-ts/jit";
import type { Lowering } from "../lowering.ts";
import { attribute, type DataType } from "../messages.ts";
import { asMade, widened, type Tensor, type TypedTensor } from "../tensors.ts";
import { wide } from "../annotate-types.ts";
import { rowCodes } from "./row-codes.ts";
import { inputKinds, outputKinds, type RowProgram } from "./row-program.ts";

/** An output as TensorFlow makes it: one of the program's, in one type. */
interface Result {
  readonly from: number;
  readonly value: Value;
  readonly type: DataType;
}

/** The program's code with a `Store` for each type that an output is wanted in. */
function codeFor({ code }: RowProgram, results: readonly Result[]): number[] {
  const instructions = Array.from({ length: code.length / 4 }, (_, at) =>
    code.slice(4 * at, 4 * at + 4),
  );
  return instructions.flatMap((instruction) => {
    const [name, target, ...operands] = instruction as [number, number, number, number];
    if (name !== rowCodes.Store && name !== rowCodes.AddToColumns) return instruction;
    const targets = results.flatMap(({ from }, at) => (from === target ? [at] : []));
    return targets.flatMap((at) => [name, at, ...operands]);
  });
}

/** A program of rows as an operation of the native part (packages/node/native/rows.cc). */
export const rows: Lowering = ({ node, operands: given, builder, types }) => {
  const program = node.attributes["program"] as RowProgram;
  const operands = given.map((tensor, at): TypedTensor => {
    const mayBeRounded = program.inputs[at] === "whole" || program.inputs[at] === "repeated";
    return mayBeRounded ? asMade(tensor) : { name: widened(builder, tensor), type: "float32" };
  });
  const isSettled = ({ shape }: Value): boolean =>
    shape.filter((side) => builder.isOpen(side)).length <= 1;
  /** One open side follows from the number of rows; a shape with more is made as a matrix first. */
  const sidesOf = ({ value, from }: Result): number[] => {
    const { shape } = value;
    if (isSettled(value)) return shape.map((side) => (builder.isOpen(side) ? -1 : side));
    return program.outputs[from] === "whole" ? [-1, program.columns] : [-1];
  };
  const results = node.outputs.flatMap((value, from): Result[] => {
    const { float32, bfloat16 } = types.get(value.id) ?? wide;
    return [
      ...(float32 ? [{ from, value, type: "float32" as const }] : []),
      ...(bfloat16 ? [{ from, value, type: "bfloat16" as const }] : []),
    ];
  });
  const inputs = operands.map(({ name }) => name);
  const name = builder.emit("ClipTsRows", inputs, {
    Tin: attribute.types(operands.map(({ type }) => type)),
    Tout: attribute.types(results.map(({ type }) => type)),
    code: attribute.integers(codeFor(program, results)),
    numbers: attribute.floats(program.numbers),
    vectors: attribute.integer(program.vectors),
    scalars: attribute.integer(program.scalars),
    columns: attribute.integer(program.columns),
    input_kinds: attribute.integers(program.inputs.map((kind) => inputKinds[kind])),
    output_kinds: attribute.integers(
      results.map(({ from }) => outputKinds[program.outputs[from] as "whole"]),
    ),
    output_shapes: attribute.shapes(results.map(sidesOf)),
  });
  const names = results.map(({ value, type }, at) => {
    const made = at === 0 ? name : `${name}:${at}`;
    if (isSettled(value)) return made;
    const types = { T: attribute.type(type), Tshape: attribute.type("int32") };
    return builder.emit("Reshape", [made, builder.sizes(value.shape)], types);
  });
  return node.outputs.map((_, from): Tensor => {
    const find = (type: DataType): string | undefined =>
      names[results.findIndex((result) => result.from === from && result.type === type)];
    const [full, short] = [find("float32"), find("bfloat16")];
    return {
      ...(full === undefined ? {} : { wide: full }),
      ...(short === undefined ? {} : { rounded: short }),
    };
  });
};
