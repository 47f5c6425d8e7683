import type { Windows } from "@clip-ts/jit/backend";
import type { OnnxBuilder } from "./onnx-builder.ts";

/** Zeros around a picture: top, left, bottom, right. */
export type Margins = readonly [number, number, number, number];

export const marginsOf = ({ padInfo: { top, left, bottom, right } }: Windows): Margins => [
  top,
  left,
  bottom,
  right,
];

/**
 * Up to this many windows a picture, most of what a window sees is margin, and ONNX Runtime's Conv takes
 * several times as long as one matrix product of what the windows see.
 */
const fewWindows = 4;

/** Whether a convolution is better computed as one product of `columnsOf`. */
export function isSmallMap({ outHeight, outWidth, filterHeight, filterWidth }: Windows): boolean {
  return outHeight * outWidth <= fewWindows && filterHeight * filterWidth > 1;
}

/** The part of a picture [batch, height, width, in] that each tap of a filter meets, [batch, rows, columns, in]. */
export function tapsOf(
  onnx: OnnxBuilder,
  x: string,
  windows: Windows,
  [top, left, bottom, right]: Margins = marginsOf(windows),
): string[] {
  const padded = onnx.op("Pad", [
    x,
    onnx.ints([0, top, left, 0, 0, bottom, right, 0]),
    onnx.scalar(0, "float32"),
  ]);
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
export function columnsOf(
  onnx: OnnxBuilder,
  x: string,
  windows: Windows,
  margins: Margins = marginsOf(windows),
): string {
  const joined = onnx.op("Concat", tapsOf(onnx, x, windows, margins), { axis: 3 });
  const taps = windows.filterHeight * windows.filterWidth;
  return onnx.op("Reshape", [joined, onnx.ints([-1, taps * windows.inChannels])]);
}
