import type { Node } from "../ir/graph.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";
import { rounded, widened } from "./rounding.ts";

/**
 * Whether rounding would be felt in the logits of a contrastive loss, where small differences of unit
 * vectors are multiplied by a large scale: products that compare rows of activations with each other,
 * and those with parameters that the caller names.
 */
function staysExact({ inputs, attributes }: Node, builder: GraphBuilder): boolean {
  const names = inputs.map(({ id }) => builder.inputNames.get(id));
  if (names.some((name) => name !== undefined && builder.staysExact(name))) return true;
  const { transposeA, transposeB } = attributes;
  const isMatrices = inputs.every(({ shape }) => shape.length === 2);
  const isRowByRow = transposeA !== true && transposeB === true;
  return isMatrices && isRowByRow && names.every((name) => name === undefined);
}

/** Whether a product is computed from operands rounded to bfloat16. */
export const roundsOperands = (node: Node, builder: GraphBuilder): boolean =>
  builder.precision === "bf16" && !staysExact(node, builder);

/** From so many rows on, a product is worth transposing an operand of. */
const manyRows = 128;

/**
 * The right operand, whose columns a product walks along in 32 bits, laid out along them: oneDNN multiplies
 * by that up to 1.4 times as fast, most where columns are long. What is kept so is taken; what is not is
 * transposed if it is read often enough.
 */
function transposed(
  { inputs }: Node,
  name: string | undefined,
  builder: GraphBuilder,
): string | undefined {
  if (!builder.hasOwnOperations || builder.hasOwnProducts || name === undefined) return undefined;
  const readKept = builder.keptTransposed.get(name);
  if (readKept !== undefined) return readKept();
  const [[rows, length], [columns]] = inputs.map(({ shape }) => shape) as [
    [number, number],
    [number, number],
  ];
  const isWorthIt = rows >= manyRows && length >= 2 * columns;
  if (!isWorthIt || builder.isOpen(length) || builder.isOpen(columns)) return undefined;
  return builder.emitOnce("turned", "ClipTsTransposed", [name]);
}

/**
 * Two matrices go to `MatMul`, which TensorFlow fuses with a bias, or to clip-ts's own product; stacks to
 * `BatchMatMulV2`.
 */
export const matMul: Lowering = ({ node, inputs, builder }) => {
  const { transposeA, transposeB } = node.attributes;
  const [left, right] = [transposeA === true, transposeB === true];
  const isPlain = node.inputs.every(({ shape }) => shape.length === 2);
  const product = (
    operands: readonly string[],
    type: "float32" | "bfloat16",
    turnsRight = right,
  ): string => {
    const T = attribute.type(type);
    const [a, b] = [attribute.flag(left), attribute.flag(turnsRight)];
    const op = builder.hasOwnProducts ? "ClipTsMatMul" : "MatMul";
    return isPlain
      ? builder.emit(op, operands, { T, transpose_a: a, transpose_b: b })
      : builder.emit("BatchMatMulV2", operands, { T, adj_x: a, adj_y: b });
  };
  if (!roundsOperands(node, builder)) {
    const operands = inputs.map((operand) => widened(builder, operand));
    const turned = isPlain && !left && right ? transposed(node, operands[1], builder) : undefined;
    return turned === undefined
      ? product(operands, "float32")
      : product([operands[0] as string, turned], "float32", false);
  }
  const operands = inputs.map((operand) => rounded(builder, operand));
  const result = product(operands, "bfloat16");
  builder.rounded.add(result);
  return result;
};
