import type { Node, Value } from "@clip-ts/jit";
import { convolutionWindows, depthwiseWindows, poolWindows, type OpOf, type Windows } from "@clip-ts/jit/backend";
import { resultOf, type Lowering, type OnnxOp } from "./lowering.ts";
import type { OnnxBuilder } from "./onnx-builder.ts";

/** Zeros around a picture: top, left, bottom, right. */
export type Margins = readonly [number, number, number, number];

const marginsOf = ({ padInfo: { top, left, bottom, right } }: Windows): Margins => [top, left, bottom, right];

/**
 * Up to this many windows a picture, most of what a window sees is margin, and ONNX Runtime's Conv takes
 * several times as long as one matmul of what the windows see.
 */
const fewWindows = 4;

/** Whether a convolution is better computed as one matmul of `columnsOf`. */
function isSmallMap({ outHeight, outWidth, filterHeight, filterWidth }: Windows): boolean {
  return outHeight * outWidth <= fewWindows && filterHeight * filterWidth > 1;
}

/** The part of a picture [batch, height, width, in] that each tap of a filter meets, [batch, rows, columns, in]. */
function tapsOf(
  onnx: OnnxBuilder,
  x: string,
  windows: Windows,
  [top, left, bottom, right]: Margins = marginsOf(windows),
): string[] {
  const padded = onnx.op("Pad", [x, onnx.ints([0, top, left, 0, 0, bottom, right, 0]), onnx.scalar(0, "float32")]);
  const strides = onnx.ints([windows.strideHeight, windows.strideWidth]);
  const tap = (row: number, column: number): string => {
    const starts = [row * windows.dilationHeight, column * windows.dilationWidth] as const;
    const ends = [
      starts[0] + (windows.outHeight - 1) * windows.strideHeight + 1,
      starts[1] + (windows.outWidth - 1) * windows.strideWidth + 1,
    ];
    const bounds = [starts, ends, [1, 2]].map((list) => onnx.ints(list));
    return onnx.op("Slice", [padded, ...bounds, strides]);
  };
  return Array.from({ length: windows.filterHeight }, (_, row) =>
    Array.from({ length: windows.filterWidth }, (__, column) => tap(row, column)),
  ).flat();
}

/** All that each window sees as one row: [windows of the batch, taps · in]. */
function columnsOf(onnx: OnnxBuilder, x: string, windows: Windows, margins: Margins = marginsOf(windows)): string {
  const joined = onnx.op("Concat", tapsOf(onnx, x, windows, margins), { axis: 3 });
  const taps = windows.filterHeight * windows.filterWidth;
  return onnx.op("Reshape", [joined, onnx.ints([-1, taps * windows.inChannels])]);
}

const channelsFirst = [0, 3, 1, 2];
const channelsLast = [0, 2, 3, 1];
/** [height, width, in, out] to ONNX's [out, in, height, width]. */
const filterOrder = [3, 2, 0, 1];
/** The same with the filter's two sides exchanged. */
const rotatedOrder = [2, 3, 0, 1];

/** Filter's taps and inputs as rows, its outputs as columns. */
const filterRows = (onnx: OnnxBuilder, filter: string, outputs: number): string =>
  onnx.op("Reshape", [filter, onnx.ints([-1, outputs])]);

const transposed = (onnx: OnnxBuilder, x: string, perm: readonly number[]): string =>
  onnx.op("Transpose", [x], { perm });

/** Where windows start, how they move and how large they are, as ONNX's attributes. */
function windowAttributes(windows: Windows): Record<string, readonly number[]> {
  return {
    pads: marginsOf(windows),
    strides: [windows.strideHeight, windows.strideWidth],
    kernel_shape: [windows.filterHeight, windows.filterWidth],
  };
}

const shapesOf = ({ inputs }: Node<OnnxOp>): readonly number[][] => inputs.map(({ shape }: Value) => [...shape]);

const convolution: Lowering = ([x, filter], node, onnx) => {
  const [image, kernel] = shapesOf(node) as [number[], number[]];
  const windows = convolutionWindows(image, kernel, node.attributes);
  if (isSmallMap(windows)) {
    const rows = filterRows(onnx, filter, windows.outChannels);
    const y = onnx.op("Gemm", [columnsOf(onnx, x, windows), rows]);
    const { outHeight, outWidth, outChannels } = windows;
    return onnx.op("Reshape", [y, onnx.ints([-1, outHeight, outWidth, outChannels])]);
  }
  const operands = [transposed(onnx, x, channelsFirst), transposed(onnx, filter, filterOrder)];
  const dilations = [windows.dilationHeight, windows.dilationWidth];
  const result = onnx.op("Conv", operands, { ...windowAttributes(windows), dilations });
  return transposed(onnx, result, channelsLast);
};

/** The sides of a filter that is rotated by 180 degrees, and of its picture's margin then. */
function rotatedPads(windows: Windows): Margins | undefined {
  const [top, left, bottom, right] = marginsOf(windows);
  const [height, width] = [windows.filterHeight - 1, windows.filterWidth - 1];
  const pads: Margins = [height - top, width - left, height - bottom, width - right];
  const isStepwise = windows.strideHeight === 1 && windows.strideWidth === 1;
  return isStepwise && pads.every((side) => side >= 0) ? pads : undefined;
}

/** A filter with its rows and columns in reverse. */
const rotated = (onnx: OnnxBuilder, filter: string, { filterHeight, filterWidth }: Windows): string =>
  onnx.op("Slice", [
    filter,
    onnx.ints([-1, -1]),
    onnx.ints([-filterHeight - 1, -filterWidth - 1]),
    onnx.ints([0, 1]),
    onnx.ints([-1, -1]),
  ]);

/** What the strides left over at the end of each side. */
function leftOver(windows: Windows): readonly number[] {
  const { top, left, bottom, right } = windows.padInfo;
  const rows = (windows.outHeight - 1) * windows.strideHeight + windows.filterHeight;
  const columns = (windows.outWidth - 1) * windows.strideWidth + windows.filterWidth;
  return [windows.inHeight - rows + top + bottom, windows.inWidth - columns + left + right];
}

/** The windows of the filter rotated by 180 degrees, which move over the gradient of what the others gave. */
function rotatedWindows(windows: Windows): Windows {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = windows;
  return {
    ...windows,
    inHeight: outHeight,
    inWidth: outWidth,
    inChannels: outChannels,
    outHeight: inHeight,
    outWidth: inWidth,
    outChannels: inChannels,
  };
}

/** The gradient of a small picture: one matmul with the filter rotated by 180 degrees. */
function smallImageGradient(
  [dy, filter]: readonly [string, string],
  windows: Windows,
  pads: Margins,
  onnx: OnnxBuilder,
): string {
  const { inHeight, inWidth, inChannels } = windows;
  const around = transposed(onnx, rotated(onnx, filter, windows), [0, 1, 3, 2]);
  const columns = columnsOf(onnx, dy, rotatedWindows(windows), pads);
  const dx = onnx.op("Gemm", [columns, filterRows(onnx, around, inChannels)]);
  return onnx.op("Reshape", [dx, onnx.ints([-1, inHeight, inWidth, inChannels])]);
}

/**
 * The gradient of a convolution's picture: the convolution with the filter rotated by 180 degrees, or where the
 * filter skips places the transposed convolution, which ONNX Runtime computes less fast.
 */
const imageGradient: Lowering = ([dy, filter], node, onnx) => {
  const [, kernel] = shapesOf(node) as [number[], number[]];
  const windows = convolutionWindows(resultOf(node).shape, kernel, node.attributes);
  const pads = rotatedPads(windows);
  if (pads !== undefined && isSmallMap(rotatedWindows(windows))) {
    return smallImageGradient([dy, filter], windows, pads, onnx);
  }
  const gradient = transposed(onnx, dy, channelsFirst);
  const attributes = windowAttributes(windows);
  const result =
    pads === undefined
      ? onnx.op("ConvTranspose", [gradient, transposed(onnx, filter, filterOrder)], {
          ...attributes,
          output_padding: leftOver(windows),
        })
      : onnx.op("Conv", [gradient, transposed(onnx, rotated(onnx, filter, windows), rotatedOrder)], {
          ...attributes,
          pads,
        });
  return transposed(onnx, result, channelsLast);
};

/** The gradient of a filter: one matmul for each of its taps, or of all where these see little. */
const filterGradient: Lowering = ([x, dy], node, onnx) => {
  const [image] = shapesOf(node) as [number[]];
  const windows = convolutionWindows(image, resultOf(node).shape, node.attributes);
  const shape = onnx.ints(resultOf(node).shape);
  const gradient = onnx.op("Reshape", [dy, onnx.ints([-1, windows.outChannels])]);
  const multiplied = (rows: string): string => onnx.op("Gemm", [rows, gradient], { transA: 1 });
  if (isSmallMap(windows)) {
    return onnx.op("Reshape", [multiplied(columnsOf(onnx, x, windows)), shape]);
  }
  const taps = tapsOf(onnx, x, windows).map((tap) =>
    multiplied(onnx.op("Reshape", [tap, onnx.ints([-1, windows.inChannels])])),
  );
  return onnx.op("Reshape", [onnx.op("Concat", taps, { axis: 0 }), shape]);
};

/** A convolution of every channel by itself is one in as many groups. */
const depthwise: Lowering = ([x, filter], node, onnx) => {
  const [image, kernel] = shapesOf(node) as [number[], number[]];
  const windows = depthwiseWindows(image, kernel, node.attributes);
  const { inChannels, outChannels, filterHeight, filterWidth } = windows;
  const byChannel = transposed(onnx, filter, [2, 3, 0, 1]); // [channels, outputs of each, height, width]
  const groups = onnx.op("Reshape", [byChannel, onnx.ints([outChannels, 1, filterHeight, filterWidth])]);
  const result = onnx.op("Conv", [transposed(onnx, x, channelsFirst), groups], {
    ...windowAttributes(windows),
    dilations: [windows.dilationHeight, windows.dilationWidth],
    group: inChannels,
  });
  return transposed(onnx, result, channelsLast);
};

const averagePool: Lowering = ([x], node, onnx) => {
  const [image] = shapesOf(node) as [number[]];
  const windows = poolWindows(image, node.attributes);
  const operand = transposed(onnx, x, channelsFirst);
  return transposed(onnx, onnx.op("AveragePool", [operand], windowAttributes(windows)), channelsLast);
};

/** Operations that move a window over pictures. */
export const windowed: Readonly<Record<OpOf<"windows">, Lowering>> = {
  AvgPool: averagePool,
  Conv2D: convolution,
  Conv2DBackpropFilter: filterGradient,
  Conv2DBackpropInput: imageGradient,
  DepthwiseConv2dNative: depthwise,
};
