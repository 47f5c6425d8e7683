import {
  backend_util,
  conv2d,
  reverse,
  tidy,
  transpose,
  type KernelFunc,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { wasmKernel } from "./backend.ts";

interface ImageGradientAttributes {
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number | backend_util.ExplicitPadding;
  readonly inputShape: [number, number, number, number];
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/**
 * Gradient of a convolution with respect to its picture. Where the filter moves step by step, that is the
 * convolution with the filter turned around, whose kernel is far faster than the backend's loop.
 */
export function conv2dBackpropInputKernel(): KernelFunc {
  const loop = wasmKernel("Conv2DBackpropInput");
  return (call) => {
    const { dy, filter } = call.inputs as { dy: Tensor4D; filter: Tensor4D };
    const { inputShape, strides, pad, dimRoundingMode } =
      call.attrs as unknown as ImageGradientAttributes;
    const info = backend_util.computeConv2DInfo(
      inputShape,
      filter.shape,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
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
      const turned = transpose(reverse(filter, [0, 1]), [0, 1, 3, 2]);
      return conv2d(dy, turned, 1, padding);
    });
  };
}
