import { ClipError } from "@clip-ts/base";
import type { KernelFunc, TensorInfo } from "@tensorflow/tfjs-core";
import { replaceWasmKernel, wasmKernel } from "./backend.ts";

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
