import {
  getKernel,
  registerKernel,
  unregisterKernel,
  type DataType,
  type KernelFunc,
  type TensorInfo,
} from "@tensorflow/tfjs-core";

/** What we use of tfjs-backend-wasm 4.22's backend object. */
export interface WasmBackend {
  readonly wasm: {
    cwrap(
      name: string,
      result: null,
      parameters: readonly string[],
    ): (...values: unknown[]) => void;
    readonly tfjs: { disposeData(id: number): void };
  };
  readonly dataIdMap: {
    get(dataId: object): { readonly id: number; readonly memoryOffset: number };
    delete(dataId: object): boolean;
  };
  makeOutput(shape: number[], dtype: DataType, memoryOffset?: number): TensorInfo;
  disposeData(dataId: object): boolean;
  typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array | Uint8Array;
}

/** The name under which tfjs registers the backend. */
export const wasmBackendName = "wasm";

/** The wasm backend's own kernel. */
export function wasmKernel(name: string): KernelFunc {
  const kernel = getKernel(name, wasmBackendName);
  if (kernel == null) throw new Error(`tfjs-backend-wasm has no kernel ${name}.`);
  return kernel.kernelFunc;
}

/** Registers a kernel for the wasm backend in place of the one it has, if it has one. */
export function replaceWasmKernel(name: string, kernelFunc: KernelFunc): void {
  const existing = getKernel(name, wasmBackendName);
  if (existing != null) unregisterKernel(name, wasmBackendName);
  // Keep the setup function: it makes the C++ function that other kernels may share.
  const setup = existing?.setupFunc === undefined ? {} : { setupFunc: existing.setupFunc };
  registerKernel({ kernelName: name, backendName: wasmBackendName, kernelFunc, ...setup });
}
