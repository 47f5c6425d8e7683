import { ClipError } from "@clip-ts/base";
import { getKernel, type KernelFunc } from "@tensorflow/tfjs-core";
import {
  castKernel,
  clipByValueKernel,
  oneHotKernel,
  preluKernel,
  replaceWasmKernel,
  stridedSliceKernel,
  wasmBackendName,
  wasmKernel,
} from "./backend.ts";
import {
  conv2dBackpropFilterKernel,
  conv2dBackpropInputKernel,
  refuseWideStrides,
  unsortedSegmentSumKernel,
} from "./gradient-kernels.ts";
import { fusedMatMulKernel, matMulKernel } from "./mat-mul.ts";

/** Kernels of tfjs-backend-wasm 4.22 that give wrong numbers without saying so. */
const wrongKernels = ["MaxPoolGrad", "MaxPool3D", "MaxPool3DGrad"];

function refuse(name: string): KernelFunc {
  return () => {
    throw new ClipError(
      "unsupported",
      `${name} of tfjs-backend-wasm is wrong where a window holds no positive value. Use another engine.`,
    );
  };
}

let repaired = false;

/** Kernels that are right for some types of numbers only. */
function repairTypes(): void {
  replaceWasmKernel("OneHot", oneHotKernel);
  replaceWasmKernel("ClipByValue", clipByValueKernel);
  replaceWasmKernel("Prelu", preluKernel);
  replaceWasmKernel("Cast", castKernel(wasmKernel("Cast")));
  replaceWasmKernel("StridedSlice", stridedSliceKernel(wasmKernel("StridedSlice")));
}

/**
 * Makes tfjs-backend-wasm fit for training: fast matmuls for every transpose and batch, the missing
 * gradients of `gather` and `conv2d`, a right `fused.matMul`, `oneHot`, `clipByValue` and `prelu` of every
 * type, and an error in place of the kernels that silently give wrong results. Call it once, after the backend is imported; later calls do nothing.
 */
export function repairWasmBackend(): void {
  if (repaired) return;
  if (getKernel("BatchMatMul", wasmBackendName) == null) {
    throw new ClipError("engine-unavailable", "Import @tensorflow/tfjs-backend-wasm before repairing its kernels.");
  }
  replaceWasmKernel("BatchMatMul", matMulKernel);
  replaceWasmKernel("_FusedMatMul", fusedMatMulKernel);
  replaceWasmKernel("UnsortedSegmentSum", unsortedSegmentSumKernel);
  replaceWasmKernel("Conv2DBackpropFilter", conv2dBackpropFilterKernel);
  replaceWasmKernel("Conv2DBackpropInput", conv2dBackpropInputKernel());
  for (const name of wrongKernels) replaceWasmKernel(name, refuse(name));
  refuseWideStrides();
  repairTypes();
  repaired = true;
}
