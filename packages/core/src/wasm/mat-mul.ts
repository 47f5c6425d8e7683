import { broadcast_util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import { wasmKernel, type WasmBackend } from "./backend.ts";

/** Multiplies matrices given by their registered ids. */
type Multiply = (a: Matrix, b: Matrix, out: Matrix) => void;

interface Matrix {
  readonly id: number;
  readonly rows: number;
  readonly columns: number;
}

function shapeBytes({ rows, columns }: Matrix): Uint8Array {
  return new Uint8Array(new Int32Array([1, rows, columns]).buffer);
}

const multiplyOf = new WeakMap<WasmBackend, Multiply>();

/** The C++ product, called for one untransposed pair at a time: the only case it hands to XNNPACK. */
function multiplyFor(backend: WasmBackend): Multiply {
  const known = multiplyOf.get(backend);
  if (known !== undefined) return known;
  const types = [
    "number",
    "array",
    "number",
    "number",
    "array",
    "number",
    "number",
    "number",
    "number",
  ];
  const call = backend.wasm.cwrap("BatchMatMul", null, types);
  const multiply: Multiply = (a, b, out) =>
    call(a.id, shapeBytes(a), 3, b.id, shapeBytes(b), 3, 0, 0, out.id);
  multiplyOf.set(backend, multiply);
  return multiply;
}

/** Runs `use` with the index-th matrix of a stack registered as a tensor of its own, without copying. */
function withMatrix(
  backend: WasmBackend,
  stack: TensorInfo,
  index: number,
  use: (matrix: Matrix) => void,
): void {
  const [rows = 0, columns = 0] = stack.shape.slice(-2);
  const start = backend.dataIdMap.get(stack.dataId).memoryOffset;
  const view = backend.makeOutput([rows, columns], "float32", start + index * rows * columns * 4);
  const { id } = backend.dataIdMap.get(view.dataId);
  use({ id, rows, columns });
  backend.dataIdMap.delete(view.dataId); // the memory belongs to the stack
  backend.wasm.tfjs.disposeData(id);
}

/** Swaps the last two axes; the caller disposes the result. */
function swapped(backend: WasmBackend, x: TensorInfo): TensorInfo {
  const axes = x.shape.map((_, axis) => axis);
  const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  const transpose = wasmKernel("Transpose");
  return transpose({ inputs: { x }, backend, attrs: { perm } }) as TensorInfo;
}

/**
 * Matrix product for tfjs-backend-wasm. Its own kernel falls to a naive loop, 10 to 80 times slower,
 * for every transposed operand and every batch, that is for all of backpropagation and attention. Here
 * operands are transposed first and the pairs of a batch are multiplied one by one.
 */
export const matMulKernel: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
  const { a: givenA, b: givenB } = inputs as { a: TensorInfo; b: TensorInfo };
  const a = transposeA ? swapped(backend, givenA) : givenA;
  const b = transposeB ? swapped(backend, givenB) : givenB;

  const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  const out = backend.makeOutput([...outer, a.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1], "float32");
  const multiply = multiplyFor(backend);
  const batch = sizeOf(outer);
  const [batchA, batchB] = [sizeOf(outerA), sizeOf(outerB)];
  for (let index = 0; index < batch; index++) {
    withMatrix(backend, out, index, (product) =>
      withMatrix(backend, a, index % batchA, (left) =>
        withMatrix(backend, b, index % batchB, (right) => multiply(left, right, product)),
      ),
    );
  }
  if (transposeA) backend.disposeData(a.dataId);
  if (transposeB) backend.disposeData(b.dataId);
  return out;
};
