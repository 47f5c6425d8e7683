import type { Node, Value } from "../ir/graph.ts";
import { convolutionWindows, poolWindows, type Windows } from "../ir/windows.ts";
import { resultOf, type Lowering } from "./lowering.ts";
import type { OnnxBuilder } from "./onnx-builder.ts";

const channelsFirst = [0, 3, 1, 2];
const channelsLast = [0, 2, 3, 1];
/** [height, width, in, out] to ONNX's [out, in, height, width]. */
const filterOrder = [3, 2, 0, 1];

const transposed = (onnx: OnnxBuilder, x: string, perm: readonly number[]): string =>
  onnx.op("Transpose", [x], { perm });

/** Where windows start, how they move and how large they are, as ONNX's attributes. */
function windowAttributes({ padInfo, ...windows }: Windows): Record<string, readonly number[]> {
  const { top, left, bottom, right } = padInfo;
  return {
    pads: [top, left, bottom, right],
    strides: [windows.strideHeight, windows.strideWidth],
    kernel_shape: [windows.filterHeight, windows.filterWidth],
  };
}

const shapesOf = ({ inputs }: Node): readonly number[][] =>
  inputs.map(({ shape }: Value) => [...shape]);

const convolution: Lowering = ([x, filter], node, onnx) => {
  const [image, kernel] = shapesOf(node) as [number[], number[]];
  const windows = convolutionWindows(image, kernel, node.attributes);
  const operands = [transposed(onnx, x, channelsFirst), transposed(onnx, filter, filterOrder)];
  const dilations = [windows.dilationHeight, windows.dilationWidth];
  const result = onnx.op("Conv", operands, { ...windowAttributes(windows), dilations });
  return transposed(onnx, result, channelsLast);
};

/** The gradient of a convolution's picture is the transposed convolution of the gradient. */
const imageGradient: Lowering = ([dy, filter], node, onnx) => {
  const [gradient, kernel] = shapesOf(node) as [number[], number[]];
  const image = resultOf(node).shape;
  const windows = convolutionWindows(image, kernel, node.attributes);
  const attributes = windowAttributes(windows);
  const [top, left, bottom, right] = attributes["pads"] as [number, number, number, number];
  const reach = (size: number, stride: number, window: number): number =>
    (size - 1) * stride + window;
  const rows = reach(gradient[1] as number, windows.strideHeight, windows.filterHeight);
  const columns = reach(gradient[2] as number, windows.strideWidth, windows.filterWidth);
  const result = onnx.op(
    "ConvTranspose",
    [transposed(onnx, dy, channelsFirst), transposed(onnx, filter, filterOrder)],
    {
      ...attributes,
      // What the strides left over at the end.
      output_padding: [
        windows.inHeight - rows + top + bottom,
        windows.inWidth - columns + left + right,
      ],
    },
  );
  return transposed(onnx, result, channelsLast);
};

/** The gradient of a filter: one matrix product for each of its taps. */
const filterGradient: Lowering = ([x, dy], node, onnx) => {
  const [image] = shapesOf(node) as [number[]];
  const windows = convolutionWindows(image, resultOf(node).shape, node.attributes);
  const { top, left, bottom, right } = windows.padInfo;
  const padded = onnx.op("Pad", [
    x,
    onnx.ints([0, top, left, 0, 0, bottom, right, 0]),
    onnx.scalar(0, "float32"),
  ]);
  const strides = onnx.ints([windows.strideHeight, windows.strideWidth]);
  const gradient = onnx.op("Reshape", [dy, onnx.ints([-1, windows.outChannels])]);
  const tap = (row: number, column: number): string => {
    const ends = [
      row + (windows.outHeight - 1) * windows.strideHeight + 1,
      column + (windows.outWidth - 1) * windows.strideWidth + 1,
    ];
    const bounds = [[row, column], ends, [1, 2]].map((list) => onnx.ints(list));
    const seen = onnx.op("Slice", [padded, ...bounds, strides]);
    const rows = onnx.op("Reshape", [seen, onnx.ints([-1, windows.inChannels])]);
    return onnx.op("Gemm", [rows, gradient], { transA: 1 }); // [in, out]
  };
  const taps = Array.from({ length: windows.filterHeight }, (_, row) =>
    Array.from({ length: windows.filterWidth }, (__, column) => tap(row, column)),
  ).flat();
  const joined = onnx.op("Concat", taps, { axis: 0 });
  return onnx.op("Reshape", [joined, onnx.ints(resultOf(node).shape)]);
};

const averagePool: Lowering = ([x], node, onnx) => {
  const [image] = shapesOf(node) as [number[]];
  const windows = poolWindows(image, node.attributes);
  const operand = transposed(onnx, x, channelsFirst);
  return transposed(
    onnx,
    onnx.op("AveragePool", [operand], windowAttributes(windows)),
    channelsLast,
  );
};

/** Operations that move a window over pictures. */
export const windowed: Readonly<Record<string, Lowering>> = {
  AvgPool: averagePool,
  Conv2D: convolution,
  Conv2DBackpropFilter: filterGradient,
  Conv2DBackpropInput: imageGradient,
};
