import { ClipError } from "@clip-ts/base";
import {
  add,
  broadcast_util,
  elu,
  leakyRelu,
  matMul,
  prelu,
  relu,
  relu6,
  sigmoid,
  tidy,
  type KernelFunc,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
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

/** The C++ matmul, called for one untransposed pair at a time: the only case it hands to XNNPACK. */
function multiplyFor(backend: WasmBackend): Multiply {
  const known = multiplyOf.get(backend);
  if (known !== undefined) return known;
  const types = ["number", "array", "number", "number", "array", "number", "number", "number", "number"];
  const call = backend.wasm.cwrap("BatchMatMul", null, types);
  const multiply: Multiply = (a, b, out) => call(a.id, shapeBytes(a), 3, b.id, shapeBytes(b), 3, 0, 0, out.id);
  multiplyOf.set(backend, multiply);
  return multiply;
}

/** Runs `use` with the index-th matrix of a stack registered as a tensor of its own, without copying. */
function withMatrix(backend: WasmBackend, stack: TensorInfo, index: number, use: (matrix: Matrix) => void): void {
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

/** What the C++ code would not notice: it reads the bytes of any operand as float32 of any length. */
function assertMatMul(a: TensorInfo, b: TensorInfo): void {
  if (a.dtype !== "float32" || b.dtype !== "float32") {
    throw new ClipError(
      "unsupported",
      `matMul on wasm multiplies float32, got ${a.dtype} and ${b.dtype}: cast them first.`,
    );
  }
  if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
    throw new ClipError(
      "bad-shape",
      `matMul: expected [..., rows, inner] and [..., inner, columns], ` +
        `got [${a.shape.join(", ")}] and [${b.shape.join(", ")}].`,
    );
  }
}

/** Which matrix of a stack stands at `index` of the broadcast stack `outer`. */
function broadcastIndex(index: number, own: readonly number[], outer: readonly number[]): number {
  let [rest, stride, found] = [index, 1, 0];
  for (let fromEnd = 1; fromEnd <= outer.length; fromEnd++) {
    const [length = 1, ownLength = 1] = [outer.at(-fromEnd), own.at(-fromEnd)];
    if (ownLength > 1) found += (rest % length) * stride;
    stride *= ownLength;
    rest = Math.floor(rest / length);
  }
  return found;
}

/**
 * Matmul for tfjs-backend-wasm. Its own kernel falls to a naive loop, 10 to 80 times slower,
 * for every transposed operand and every batch, that is for all of backpropagation and attention. Here
 * operands are transposed first and the pairs of a batch are multiplied one by one.
 */
export const matMulKernel: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
  const { a: givenA, b: givenB } = inputs as { a: TensorInfo; b: TensorInfo };
  const a = transposeA ? swapped(backend, givenA) : givenA;
  const b = transposeB ? swapped(backend, givenB) : givenB;
  assertMatMul(a, b);

  const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  const out = backend.makeOutput([...outer, a.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1], "float32");
  const multiply = multiplyFor(backend);
  const batch = sizeOf(outer);
  for (let index = 0; index < batch; index++) {
    withMatrix(backend, out, index, (result) =>
      withMatrix(backend, a, broadcastIndex(index, outerA, outer), (left) =>
        withMatrix(backend, b, broadcastIndex(index, outerB, outer), (right) => multiply(left, right, result)),
      ),
    );
  }
  if (transposeA) backend.disposeData(a.dataId);
  if (transposeB) backend.disposeData(b.dataId);
  return out;
};

interface FusedAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly activation: string;
  readonly leakyreluAlpha?: number;
}

function activated(x: Tensor, attributes: FusedAttributes, slopes: Tensor | undefined): Tensor {
  switch (attributes.activation) {
    case "linear":
      return x;
    case "relu":
      return relu(x);
    case "relu6":
      return relu6(x);
    case "elu":
      return elu(x);
    case "sigmoid":
      return sigmoid(x);
    case "leakyrelu":
      return leakyRelu(x, attributes.leakyreluAlpha ?? 0.2);
    case "prelu":
      return prelu(x, slopes as Tensor);
    default:
      throw new Error(`tf.fused.matMul on wasm: activation "${attributes.activation}" is unknown.`);
  }
}

/**
 * tf.fused.matMul for tfjs-backend-wasm, composed of the repaired matmul, a sum and an activation.
 * The backend's own kernel adds the bias several times, and the wrong entries of it, whenever an operand
 * is transposed or has a batch.
 */
export const fusedMatMulKernel: KernelFunc = ({ inputs, attrs }) => {
  const attributes = attrs as unknown as FusedAttributes;
  const { a, b, bias, preluActivationWeights: slopes } = inputs as Record<string, Tensor>;
  return tidy(() => {
    const y = matMul(a as Tensor, b as Tensor, attributes.transposeA, attributes.transposeB);
    return activated(bias == null ? y : add(y, bias), attributes, slopes);
  });
};
