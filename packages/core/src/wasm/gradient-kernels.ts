import { ClipError } from "@clip-ts/base";
import {
  backend_util,
  concat,
  conv2d,
  matMul,
  pad,
  reshape,
  reverse,
  stridedSlice,
  tidy,
  transpose,
  type KernelFunc,
  type Tensor,
  type Tensor4D,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import { replaceWasmKernel, wasmKernel, type WasmBackend } from "./backend.ts";

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

/** Gradient of a convolution with respect to its filter: one matmul for each filter tap. */
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

interface ImageGradientAttributes {
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number | backend_util.ExplicitPadding;
  readonly inputShape: [number, number, number, number];
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/**
 * Gradient of a convolution with respect to its picture. Where the filter moves step by step, that is the
 * convolution with the filter rotated by 180 degrees, whose kernel is far faster than the backend's loop.
 */
export function conv2dBackpropInputKernel(): KernelFunc {
  const loop = wasmKernel("Conv2DBackpropInput");
  return (call) => {
    const { dy, filter } = call.inputs as { dy: Tensor4D; filter: Tensor4D };
    const { inputShape, strides, pad, dimRoundingMode } = call.attrs as unknown as ImageGradientAttributes;
    const info = backend_util.computeConv2DInfo(inputShape, filter.shape, strides, 1, pad, dimRoundingMode);
    const { top, bottom, left, right } = info.padInfo;
    const padding: backend_util.ExplicitPadding = [
      [0, 0],
      [info.filterHeight - 1 - top, info.filterHeight - 1 - bottom],
      [info.filterWidth - 1 - left, info.filterWidth - 1 - right],
      [0, 0],
    ];
    const isStepwise = info.strideHeight === 1 && info.strideWidth === 1;
    if (!isStepwise || padding.flat().some((side) => side < 0)) return loop(call);
    return tidy(() => {
      const rotated = transpose(reverse(filter, [0, 1]), [0, 1, 3, 2]);
      return conv2d(dy, rotated, 1, padding);
    });
  };
}

/** Convolutions whose "same" padding XNNPACK computes by itself. */
const convolutions = ["Conv2D", "FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2D"];

function withoutWideStrides(name: string, convolve: KernelFunc): KernelFunc {
  return (call) => {
    const { filter } = call.inputs as { filter: TensorInfo };
    const { pad, strides } = call.attrs as { pad: unknown; strides: number | [number, number] };
    const [down, right] = typeof strides === "number" ? [strides, strides] : strides;
    const [height = 1, width = 1] = filter.shape;
    if (pad === "same" && (down > height || right > width)) {
      throw new ClipError(
        "unsupported",
        `${name} of tfjs-backend-wasm is wrong for "same" padding when a stride of [${down}, ${right}] ` +
          `is larger than the filter of [${height}, ${width}]. Give the padding in pixels.`,
      );
    }
    return convolve(call);
  };
}

/** Refuses the convolutions that tfjs-backend-wasm computes from the wrong pixels. */
export function refuseWideStrides(): void {
  for (const name of convolutions) {
    replaceWasmKernel(name, withoutWideStrides(name, wasmKernel(name)));
  }
}
