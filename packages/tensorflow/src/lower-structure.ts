import type { Dtype } from "@clip-ts/jit";
import { axesOf, convolutionWindows, depthwiseWindows, type OpOf, type Windows } from "@clip-ts/jit/backend";
import { emitCount, type GraphBuilder, type TensorflowNode } from "./graph-builder.ts";
import { numbers, reshape, type Lowering } from "./lowering.ts";
import { attribute, type Attribute } from "./messages.ts";

const int32 = attribute.type("int32");

const concat: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("ConcatV2", [...inputs, builder.scalar(axis as number, "int32")], {
    N: attribute.integer(inputs.length),
    T: attribute.type(x.dtype),
    Tidx: int32,
  });
};

const gather: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("GatherV2", [...inputs, builder.scalar(axis as number, "int32")], {
    Tparams: attribute.type(x.dtype),
    Tindices: int32,
    Taxis: int32,
    batch_dims: attribute.integer((node.attributes["batchDims"] as number | undefined) ?? 0),
  });
};

const scatter: Lowering = ({ inputs, builder, y }) =>
  builder.emit("ScatterNd", [...inputs, builder.sizes(y.shape)], {
    T: attribute.type(y.dtype),
    Tindices: int32,
  });

const oneHot: Lowering = ({ node, inputs, builder, y }) => {
  const { onValue = 1, offValue = 0 } = node.attributes as Record<string, number>;
  const depth = y.shape.at(-1) as number;
  const operands = [
    builder.isOpen(depth)
      ? builder.emitOnce("", "Squeeze", [builder.sizes([depth])], { T: int32 })
      : builder.scalar(depth, "int32"),
    builder.scalar(onValue, y.dtype),
    builder.scalar(offValue, y.dtype),
  ];
  return builder.emit("OneHot", [...inputs, ...operands], {
    T: attribute.type(y.dtype),
    TI: int32,
    axis: attribute.integer(-1),
  });
};

const pad: Lowering = ({ node, inputs, builder, x }) => {
  const paddings = Int32Array.from((node.attributes["paddings"] as number[][]).flat());
  const operands = [
    builder.constant(paddings, [x.shape.length, 2], "int32"),
    builder.scalar(node.attributes["constantValue"] as number, x.dtype),
  ];
  return builder.emit("PadV2", [...inputs, ...operands], {
    T: attribute.type(x.dtype),
    Tpaddings: int32,
  });
};

const slice: Lowering = ({ node, inputs, builder, y, type }) => {
  const begin = builder.integers(numbers(node.attributes["begin"]));
  return builder.emit("Slice", [...inputs, begin, builder.sizes(y.shape)], {
    T: attribute.type(type),
    Index: int32,
  });
};

const split: Lowering = ({ node, inputs, builder, x, type }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length) as [number];
  const sizes = node.outputs.map(({ shape }) => shape[axis] as number);
  const operands = [...inputs, builder.sizes(sizes), builder.scalar(axis, "int32")];
  const name = builder.emit("SplitV", operands, {
    num_split: attribute.integer(sizes.length),
    T: attribute.type(type),
    Tlen: int32,
  });
  return sizes.map((_, index) => `${name}:${index}`);
};

const tile: Lowering = ({ node, inputs, builder, x }) =>
  builder.emit("Tile", [...inputs, builder.sizes(numbers(node.attributes["reps"]))], {
    T: attribute.type(x.dtype),
    Tmultiples: int32,
  });

const transpose: Lowering = ({ node, inputs, builder, type }) =>
  builder.emit("Transpose", [...inputs, builder.integers(numbers(node.attributes["perm"]))], {
    T: attribute.type(type),
    Tperm: int32,
  });

/** start + step · (0, 1, 2 …), of an open length. */
function openRange(
  builder: GraphBuilder,
  length: number,
  dtype: Dtype,
  [start, step]: readonly [number, number],
): string {
  const T = attribute.type(dtype);
  const types = { SrcT: attribute.type("int32"), DstT: T };
  const places = builder.emit("Cast", [emitCount(builder, length)], types);
  const steps = builder.emit("Mul", [places, builder.scalar(step, dtype)], { T });
  return builder.emit("AddV2", [steps, builder.scalar(start, dtype)], { T });
}

const range: Lowering = ({ node, builder, y }) => {
  const { start, step } = node.attributes as { start: number; step: number };
  const length = y.shape[0] as number;
  if (builder.isOpen(length)) return openRange(builder, length, y.dtype, [start, step]);
  const values = Array.from({ length }, (_, index) => start + index * step);
  const data = y.dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
  return builder.constant(data, y.shape, y.dtype);
};

/** Operations that move, pick or place numbers. */
export const structural: Readonly<Record<OpOf<"layout">, Lowering>> = {
  Concat: concat,
  ExpandDims: reshape,
  GatherV2: gather,
  OneHot: oneHot,
  PadV2: pad,
  Range: range,
  Reshape: reshape,
  ScatterNd: scatter,
  Slice: slice,
  SplitV: split,
  Tile: tile,
  Transpose: transpose,
};

/** Attributes of a convolution and of its gradients, from the shapes of picture and filter. */
const convolutionAttributes = (
  { attributes }: TensorflowNode,
  image: readonly number[],
  filter: readonly number[],
): Record<string, Attribute> => windowAttributes(convolutionWindows(image, filter, attributes));

function windowAttributes(windows: Windows): Record<string, Attribute> {
  const { top, bottom, left, right } = windows.padInfo;
  const padding = [0, 0, top, bottom, left, right, 0, 0];
  const isPadded = padding.some((side) => side !== 0);
  return {
    T: attribute.type("float32"),
    data_format: attribute.text("NHWC"),
    dilations: attribute.integers([1, windows.dilationHeight, windows.dilationWidth, 1]),
    explicit_paddings: attribute.integers(isPadded ? padding : []),
    padding: attribute.text(isPadded ? "EXPLICIT" : "VALID"),
    strides: attribute.integers([1, windows.strideHeight, windows.strideWidth, 1]),
  };
}

const shapeOf = (node: TensorflowNode, index: number): readonly number[] => node.inputs[index]?.shape ?? [];

const convolution: Lowering = ({ node, inputs, builder }) =>
  builder.emit("Conv2D", inputs, convolutionAttributes(node, shapeOf(node, 0), shapeOf(node, 1)));

const depthwise: Lowering = ({ node, inputs, builder }) => {
  const windows = depthwiseWindows(shapeOf(node, 0), shapeOf(node, 1), node.attributes);
  return builder.emit("DepthwiseConv2dNative", inputs, windowAttributes(windows));
};

const imageGradient: Lowering = ({ node, inputs, builder, y }) => {
  const [dy, filter] = inputs as [string, string];
  return builder.emit(
    "Conv2DBackpropInput",
    [builder.integers(y.shape), filter, dy],
    convolutionAttributes(node, y.shape, shapeOf(node, 1)),
  );
};

const filterGradient: Lowering = ({ node, inputs, builder, y }) => {
  const [x, dy] = inputs as [string, string];
  return builder.emit(
    "Conv2DBackpropFilter",
    [x, builder.integers(y.shape), dy],
    convolutionAttributes(node, shapeOf(node, 0), y.shape),
  );
};

/** A side for rows and one for columns, from one number or two. */
const bothSides = (value: unknown): readonly [number, number] =>
  typeof value === "number" ? [value, value] : (numbers(value) as [number, number]);

/** Pools whose windows lie within the picture. */
const averagePool: Lowering = ({ node, inputs, builder }) => {
  const { filterSize, strides, pad } = node.attributes;
  return builder.emit("AvgPool", inputs, {
    T: attribute.type("float32"),
    data_format: attribute.text("NHWC"),
    ksize: attribute.integers([1, ...bothSides(filterSize), 1]),
    padding: attribute.text(pad === "same" ? "SAME" : "VALID"),
    strides: attribute.integers([1, ...bothSides(strides), 1]),
  });
};

/** Operations that move a window over pictures. */
export const windowed: Readonly<Record<OpOf<"windows">, Lowering>> = {
  AvgPool: averagePool,
  Conv2D: convolution,
  Conv2DBackpropFilter: filterGradient,
  Conv2DBackpropInput: imageGradient,
  DepthwiseConv2dNative: depthwise,
};
