import type { TensorflowNode } from "./graph.ts";
import { convolutionWindows, type OpOf, type Windows } from "@clip-ts/jit/backend";
import { numbers, type Lowering } from "./lowering.ts";
import { attribute, type Attribute } from "./messages.ts";

/** Attributes of a convolution and of its gradients, from the shapes of picture and filter. */
function convolutionAttributes(
  { attributes }: TensorflowNode,
  image: readonly number[],
  filter: readonly number[],
): Record<string, Attribute> {
  const windows: Windows = convolutionWindows(image, filter, attributes);
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

const shapeOf = (node: TensorflowNode, index: number): readonly number[] =>
  node.inputs[index]?.shape ?? [];

const convolution: Lowering = ({ node, inputs, builder }) =>
  builder.emit("Conv2D", inputs, convolutionAttributes(node, shapeOf(node, 0), shapeOf(node, 1)));

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
};
