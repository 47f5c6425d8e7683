import type { Node, Value } from "@clip-ts/jit";
import { axesAttribute, axesOf, type OpOf } from "@clip-ts/jit/backend";
import { dataTypes, type OnnxBuilder } from "./onnx-builder.ts";
import { fromFront, operandOf, resultOf, type Lowering, type OnnxOp } from "./lowering.ts";

type Reduction = "Max" | "Mean" | "Min" | "Sum";

/** ONNX's reduction of that name. */
function reduced(op: Reduction, x: string, node: Node<OnnxOp>, onnx: OnnxBuilder): string {
  const axes = axesOf(node.attributes[axesAttribute(op)], operandOf(node).shape.length);
  const keepdims = node.attributes["keepDims"] === true ? 1 : 0;
  return onnx.op(`Reduce${op}`, [x, onnx.ints(axes)], { keepdims, noop_with_empty_axes: 1 });
}

const reduction =
  (op: Reduction): Lowering =>
  ([x], node, onnx) =>
    reduced(op, x, node, onnx);

/** The operand with its last two axes swapped if wanted. */
function flipped(name: string, value: Value, flip: unknown, onnx: OnnxBuilder): string {
  if (flip !== true) return name;
  const rank = value.shape.length;
  const perm = value.shape
    .map((_, axis) => axis)
    .with(rank - 2, rank - 1)
    .with(rank - 1, rank - 2);
  return onnx.op("Transpose", [name], { perm });
}

/** Operations that add up, compare or combine along axes. */
export const reductions: Readonly<Record<OpOf<"axes">, Lowering>> = {
  ArgMax: ([x], node, onnx) => {
    const axis = fromFront(node.attributes["axis"] as number, operandOf(node).shape.length);
    const found = onnx.op("ArgMax", [x], { axis, keepdims: 0 });
    return onnx.op("Cast", [found], { to: dataTypes.int32 });
  },
  BatchMatMul: ([a, b, bias], { inputs, attributes }, onnx) => {
    const [left, right] = inputs as [Value, Value];
    const { transposeA, transposeB } = attributes;
    if (left.shape.length === 2 && right.shape.length === 2) {
      const flags = { transA: transposeA === true ? 1 : 0, transB: transposeB === true ? 1 : 0 };
      return onnx.op("Gemm", bias === undefined ? [a, b] : [a, b, bias], flags);
    }
    const first = flipped(a, left, transposeA, onnx);
    return onnx.op("MatMul", [first, flipped(b, right, transposeB, onnx)]);
  },
  Max: reduction("Max"),
  Mean: ([x], node, onnx) => {
    const floats =
      operandOf(node).dtype === "float32" ? x : onnx.op("Cast", [x], { to: dataTypes.float32 });
    return reduced("Mean", floats, node, onnx);
  },
  Min: reduction("Min"),
  Softmax: ([x], node, onnx) => {
    const rank = resultOf(node).shape.length;
    const dim = (node.attributes["dim"] as number | undefined) ?? -1;
    return onnx.op("Softmax", [x], { axis: fromFront(dim, rank) });
  },
  Sum: reduction("Sum"),
};
