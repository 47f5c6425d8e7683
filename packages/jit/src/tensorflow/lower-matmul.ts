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

/** Two matrices go to `MatMul`, which TensorFlow fuses with a bias; stacks to `BatchMatMulV2`. */
export const matMul: Lowering = ({ node, inputs, builder }) => {
  const { transposeA, transposeB } = node.attributes;
  const [left, right] = [attribute.flag(transposeA === true), attribute.flag(transposeB === true)];
  const isPlain = node.inputs.every(({ shape }) => shape.length === 2);
  const product = (operands: readonly string[], type: "float32" | "bfloat16"): string =>
    isPlain
      ? builder.emit("MatMul", operands, {
          T: attribute.type(type),
          transpose_a: left,
          transpose_b: right,
        })
      : builder.emit("BatchMatMulV2", operands, {
          T: attribute.type(type),
          adj_x: left,
          adj_y: right,
        });
  if (builder.precision === "f32" || staysExact(node, builder)) {
    return product(
      inputs.map((operand) => widened(builder, operand)),
      "float32",
    );
  }
  const operands = inputs.map((operand) => rounded(builder, operand));
  const result = product(operands, "bfloat16");
  builder.rounded.add(result);
  return result;
};
