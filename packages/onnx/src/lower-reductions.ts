import type { Node, Value } from "@clip-ts/jit";
import { dataTypes, type OnnxBuilder } from "./onnx-builder.ts";
import { fromFront, operandOf, resultOf, type Lowering } from "./lowering.ts";

function axesOf({ attributes }: Node, { shape }: Value): number[] {
  const given = attributes["axis"] ?? attributes["reductionIndices"];
  if (given == null) return shape.map((_, axis) => axis);
  const list = Array.isArray(given) ? (given as number[]) : [given as number];
  return list.map((axis) => fromFront(axis, shape.length));
}

const reduction =
  (type: string): Lowering =>
  ([x], node, onnx) => {
    const axes = axesOf(node, operandOf(node));
    const keepdims = node.attributes["keepDims"] === true ? 1 : 0;
    const attributes = { keepdims, noop_with_empty_axes: 1 };
    return onnx.op(type, [x, onnx.ints(axes)], attributes);
  };

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
export const reductions: Readonly<Record<string, Lowering>> = {
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
  // Made by fuseLayerNorms.
  LayerNorm: (inputs, { attributes }, onnx) => {
    const epsilon = { fraction: attributes["epsilon"] as number };
    return onnx.op("LayerNormalization", inputs, { axis: -1, epsilon });
  },
  Max: reduction("ReduceMax"),
  Mean: ([x], node, onnx) => {
    const floats =
      operandOf(node).dtype === "float32" ? x : onnx.op("Cast", [x], { to: dataTypes.float32 });
    return reduction("ReduceMean")([floats] as never, node, onnx);
  },
  Min: reduction("ReduceMin"),
  Softmax: ([x], node, onnx) => {
    const rank = resultOf(node).shape.length;
    const dim = (node.attributes["dim"] as number | undefined) ?? -1;
    return onnx.op("Softmax", [x], { axis: fromFront(dim, rank) });
  },
  Sum: reduction("ReduceSum"),
};
