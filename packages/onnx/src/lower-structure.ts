import type { OpOf } from "@clip-ts/jit/backend";
import { ClipError } from "@clip-ts/base";
import type { Node } from "@clip-ts/jit";
import { TensorProto_DataType } from "./generated/onnx_pb.ts";
import { dataTypes, type OnnxBuilder } from "./onnx-builder.ts";
import { fromFront, operandOf, resultOf, type Lowering, type OnnxOp } from "./lowering.ts";

/** ONNX's number for the type that indices of tuples must have. */
const int64 = TensorProto_DataType.INT64;

/**
 * Same elements in the same order. ONNX takes a side from the operand where 0 stands, and computes one
 * where -1 stands; only what cannot be said so is computed from the shapes of inputs.
 */
const reshaped: Lowering = ([x], node, onnx) => {
  const before = operandOf(node).shape;
  const { shape } = resultOf(node);
  const sides = shape.map((side, axis) => {
    if (!onnx.isOpen(side)) return side;
    return before[axis] === side ? 0 : -1;
  });
  const isSaid = sides.filter((side) => side === -1).length < 2;
  return onnx.op("Reshape", [x, isSaid ? onnx.ints(sides) : onnx.sizes(shape)]);
};

/** 0, 1, 2 … as a list of int32, of a length that may be open. */
function countUp(length: number, onnx: OnnxBuilder): string {
  if (!onnx.isOpen(length)) {
    const numbers = Int32Array.from({ length }, (_, index) => index);
    return onnx.tensor({ id: -1, shape: [length], dtype: "int32" }, numbers);
  }
  const count = onnx.op("Cast", [onnx.sizes([length])], { to: dataTypes.int32 });
  const limit = onnx.op("Squeeze", [count, onnx.ints([0])]);
  return onnx.op("Range", [onnx.scalar(0, "int32"), limit, onnx.scalar(1, "int32")]);
}

const axisIn = ({ attributes }: Node<OnnxOp>, rank: number): number =>
  fromFront((attributes["axis"] as number | undefined) ?? 0, rank);

/**
 * Rows with equal indices add up. As ScatterElements over whole rows, which ONNX Runtime adds on one thread:
 * its ScatterND adds on several at once, and loses rows that meet.
 */
const scattered: Lowering = ([indices, updates], node, onnx) => {
  const { shape, dtype } = resultOf(node);
  const depth = operandOf(node).shape.at(-1) as number;
  const [leading, rest] = [shape.slice(0, depth), shape.slice(depth)];
  if (depth > 1 && leading.some((side) => onnx.isOpen(side))) {
    throw new ClipError(
      "unsupported",
      `ScatterNd can go to ONNX with an open size among its indexed axes if it indexes one axis, not ${depth}.`,
    );
  }
  const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);
  const strides = leading.map((_, axis) => product(leading.slice(axis + 1)));
  const tuples = onnx.op("Cast", [indices], { to: int64 });
  const scaled = onnx.op("Mul", [tuples, onnx.ints(strides)]);
  const places = onnx.op("ReduceSum", [scaled, onnx.ints([-1])], { keepdims: 0 });
  const column = onnx.op("Reshape", [places, onnx.ints([-1, ...rest.map(() => 1)])]);
  const rows = onnx.op("Reshape", [updates, onnx.sizes([-1, ...rest])]);
  const everywhere = onnx.op("Expand", [column, onnx.op("Shape", [rows])]);
  const size = onnx.sizes([product(leading), ...rest]);
  const zeros = onnx.op("Expand", [onnx.scalar(0, dtype), size]);
  const sums = onnx.op("ScatterElements", [zeros, everywhere, rows], { axis: 0, reduction: "add" });
  return depth === 1 ? sums : onnx.op("Reshape", [sums, onnx.sizes(shape)]);
};

/** Operations that move elements, pick them or repeat them. */
export const structure: Readonly<Record<OpOf<"layout">, Lowering>> = {
  Concat: (inputs, node, onnx) => onnx.op("Concat", inputs, { axis: axisIn(node, resultOf(node).shape.length) }),
  ExpandDims: reshaped,
  GatherV2: ([x, indices], node, onnx) => {
    const axis = axisIn(node, operandOf(node).shape.length);
    const batchDims = (node.attributes["batchDims"] as number | undefined) ?? 0;
    if (batchDims === 0) return onnx.op("Gather", [x, indices], { axis });
    if (axis !== batchDims) {
      throw new ClipError(
        "unsupported",
        `GatherV2 can go to ONNX with batchDims 0 or equal to its axis ${axis}, not ${batchDims}.`,
      );
    }
    const tuples = onnx.op("Unsqueeze", [indices, onnx.ints([-1])]);
    const wide = onnx.op("Cast", [tuples], { to: int64 });
    return onnx.op("GatherND", [x, wide], { batch_dims: batchDims });
  },
  // Said as a comparison: ONNX Runtime's OneHot does not know every mixture of types.
  OneHot: ([indices], node, onnx) => {
    const { onValue = 1, offValue = 0 } = node.attributes as Record<string, number>;
    const { shape, dtype } = resultOf(node);
    const row = countUp(shape.at(-1) as number, onnx);
    const column = onnx.op("Unsqueeze", [indices, onnx.ints([-1])]);
    const hot = onnx.op("Equal", [column, row]);
    const [on, off] = [onnx.scalar(onValue, dtype), onnx.scalar(offValue, dtype)];
    return dtype === "bool" ? hot : onnx.op("Where", [hot, on, off]);
  },
  PadV2: ([x], node, onnx) => {
    const paddings = node.attributes["paddings"] as readonly (readonly [number, number])[];
    const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
    const value = (node.attributes["constantValue"] as number | undefined) ?? 0;
    const fill = onnx.scalar(value, operandOf(node).dtype);
    return onnx.op("Pad", [x, onnx.ints(pads), fill]);
  },
  Range: (_, node, onnx) => {
    const { start, step } = node.attributes as { start: number; step: number };
    const value = resultOf(node);
    const array = value.dtype === "float32" ? Float32Array : Int32Array;
    const count = value.shape[0] as number;
    if (onnx.isOpen(count)) {
      const places = onnx.op("Cast", [countUp(count, onnx)], { to: dataTypes[value.dtype] });
      const steps = onnx.op("Mul", [places, onnx.scalar(step, value.dtype)]);
      return onnx.op("Add", [steps, onnx.scalar(start, value.dtype)]);
    }
    return onnx.tensor(value, array.from(Array.from({ length: count }, (_, index) => start + index * step)));
  },
  Reshape: reshaped,
  ScatterNd: scattered,
  Slice: ([x], node, onnx) => {
    const begin = node.attributes["begin"] as readonly number[];
    const sides = resultOf(node).shape;
    const isOpen = sides.some((side) => onnx.isOpen(side));
    const ends = isOpen
      ? onnx.op("Add", [onnx.sizes(sides), onnx.ints(begin)])
      : onnx.ints(sides.map((side, axis) => side + (begin[axis] as number)));
    return onnx.op("Slice", [x, onnx.ints(begin), ends, onnx.ints(begin.map((_, axis) => axis))]);
  },
  SplitV: ([x], node, onnx) => {
    const axis = axisIn(node, operandOf(node).shape.length);
    const sizes = node.outputs.map(({ shape }) => shape[axis] as number);
    return onnx.ops("Split", [x, onnx.ints(sizes)], { axis }, sizes.length);
  },
  Tile: ([x], node, onnx) => onnx.op("Tile", [x, onnx.sizes(node.attributes["reps"] as readonly number[])]),
  Transpose: ([x], node, onnx) => onnx.op("Transpose", [x], { perm: node.attributes["perm"] as readonly number[] }),
};
