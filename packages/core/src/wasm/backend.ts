import { ClipError } from "@clip-ts/base";
import {
  cast,
  getKernel,
  mul,
  neg,
  registerKernel,
  relu,
  sub,
  tidy,
  unregisterKernel,
  type DataType,
  type KernelFunc,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";

/** What we use of tfjs-backend-wasm 4.22's backend object. */
export interface WasmBackend {
  readonly wasm: {
    cwrap(name: string, result: null, parameters: readonly string[]): (...values: unknown[]) => void;
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

interface OneHotAttributes {
  readonly depth: number;
  readonly onValue: number;
  readonly offValue: number;
  readonly dtype: DataType;
}

/**
 * tf.oneHot for every type of number: indices [...lead] → [...lead, depth]. The backend's own kernel
 * writes whole numbers of 4 bytes whatever the type, so that a float32 of 1 becomes 1.4e-45.
 */
export const oneHotKernel: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { indices } = inputs as { indices: TensorInfo };
  const { depth, onValue, offValue, dtype } = attrs as unknown as OneHotAttributes;
  const out = backend.makeOutput([...indices.shape, depth], dtype);
  const values = backend.typedArrayFromHeap(out).fill(offValue);
  backend.typedArrayFromHeap(indices).forEach((index, row) => {
    if (index >= 0 && index < depth) values[row * depth + index] = onValue;
  });
  return out;
};

/**
 * tf.clipByValue for every type of number. The backend's own kernel reads int32 as float32, and makes a
 * NaN the lower bound, which hides a model that broke.
 */
export const clipByValueKernel: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { x } = inputs as { x: TensorInfo };
  const { clipValueMin: lowest, clipValueMax: highest } = attrs as Record<string, number>;
  const out = backend.makeOutput(x.shape, x.dtype);
  const clipped = backend.typedArrayFromHeap(out);
  backend.typedArrayFromHeap(x).forEach((value, index) => {
    clipped[index] = Math.min(Math.max(value, lowest as number), highest as number);
  });
  return out;
};

/** tf.cast with a right cast to bool, true for all but 0: the backend's own keeps the lowest byte. */
export function castKernel(castOther: KernelFunc): KernelFunc {
  return (call) => {
    if (call.attrs?.["dtype"] !== "bool") return castOther(call);
    const backend = call.backend as WasmBackend;
    const { x } = call.inputs as { x: TensorInfo };
    const out = backend.makeOutput(x.shape, "bool");
    const truths = backend.typedArrayFromHeap(out);
    backend.typedArrayFromHeap(x).forEach((value, index) => {
      truths[index] = value === 0 ? 0 : 1;
    });
    return out;
  };
}

/**
 * tf.prelu for slopes of every type and shape, as relu(x) − slopes · relu(−x). The backend's own kernel
 * reads the slopes in their order, which is right only where they broadcast along leading axes.
 */
export const preluKernel: KernelFunc = ({ inputs }) => {
  const { x, alpha } = inputs as { x: Tensor; alpha: Tensor };
  return tidy(() => {
    const [values, slopes] = [cast(x, "float32"), cast(alpha, "float32")];
    return sub(relu(values), mul(slopes, relu(neg(values))));
  });
};

/** tf.stridedSlice that refuses what the backend's own kernel hands back as float32, bit by bit. */
export function stridedSliceKernel(slice: KernelFunc): KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    const sliced = slice(call) as TensorInfo;
    if (sliced.dtype === x.dtype) return sliced;
    (call.backend as WasmBackend).disposeData(sliced.dataId);
    throw new ClipError(
      "unsupported",
      `StridedSlice of tfjs-backend-wasm is wrong for ${x.dtype}. Cast to float32 first.`,
    );
  };
}
