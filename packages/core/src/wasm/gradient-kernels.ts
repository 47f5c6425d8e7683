import {
  backend_util,
  concat,
  matMul,
  pad,
  reshape,
  stridedSlice,
  tidy,
  type KernelFunc,
  type Tensor,
  type Tensor4D,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import type { WasmBackend } from "./backend.ts";

/** Adds rows of equal segment id up: the gradient of `gather`. */
export const unsortedSegmentSumKernel: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const { numSegments } = attrs as { numSegments: number };
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const out = backend.makeOutput([numSegments, ...rowShape], x.dtype);
  const [rows, ids] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(segmentIds)];
  const sums = backend.typedArrayFromHeap(out).fill(0);
  const width = sizeOf(rowShape);
  for (let row = 0; row < ids.length; row++) {
    const segment = ids[row] as number;
    if (segment < 0 || segment >= numSegments) continue; // dropped, as TensorFlow does
    for (let column = 0; column < width; column++) {
      const target = segment * width + column;
      sums[target] = (sums[target] as number) + (rows[row * width + column] as number);
    }
  }
  return out;
};

interface FilterGradientAttributes {
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number | backend_util.ExplicitPadding;
  readonly dataFormat: "NHWC" | "NCHW";
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
  readonly filterShape: [number, number, number, number];
}

/** Gradient of a convolution with respect to its filter: one product for each filter tap. */
export const conv2dBackpropFilterKernel: KernelFunc = ({ inputs, attrs }) => {
  const { x, dy } = inputs as { x: Tensor4D; dy: Tensor };
  const attributes = attrs as unknown as FilterGradientAttributes;
  const info = backend_util.computeConv2DInfo(
    x.shape,
    attributes.filterShape,
    attributes.strides,
    1,
    attributes.pad,
    attributes.dimRoundingMode,
    false,
    backend_util.convertConv2DDataFormat(attributes.dataFormat),
  );
  const { top, bottom, left, right } = info.padInfo;
  return tidy(() => {
    const padded = pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const gradient = reshape(dy, [-1, info.outChannels]); // [batch·outHeight·outWidth, out]
    const taps: Tensor[] = [];
    for (let row = 0; row < info.filterHeight; row++) {
      for (let column = 0; column < info.filterWidth; column++) {
        const begin = [0, row, column, 0];
        const end = [
          info.batchSize,
          row + (info.outHeight - 1) * info.strideHeight + 1,
          column + (info.outWidth - 1) * info.strideWidth + 1,
          info.inChannels,
        ];
        const seen = stridedSlice(padded, begin, end, [1, info.strideHeight, info.strideWidth, 1]);
        taps.push(matMul(reshape(seen, [-1, info.inChannels]), gradient, true, false)); // [in, out]
      }
    }
    return reshape(concat(taps, 0), info.filterShape);
  });
};
