import { ClipError } from "@clip-ts/base";
import { assertWhole, type HostTensor } from "./host-tensor.ts";
import { narrowToBfloat, narrowToHalf, widenBfloat, widenHalf } from "./half-precision.ts";

/** Number formats a model's weights may be stored in. */
export type FloatDtype = "F32" | "F16" | "BF16";

type ArrayOver<Values> = new (
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
) => Values;

/** A typed view of the bytes, copied only where not aligned (Node's `Buffer.slice` would not copy). */
function viewAs<Values>(
  bytes: Uint8Array,
  ArrayType: ArrayOver<Values> & { readonly BYTES_PER_ELEMENT: number },
): Values {
  const size = ArrayType.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new ArrayType(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

function bytesOf(values: Float32Array | Int32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function widen(halves: Uint16Array, widenBits: (bits: number) => number): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) bits[index] = widenBits(halves[index] ?? 0);
  return new Float32Array(bits.buffer);
}

function narrow(values: Float32Array, narrowBits: (bits: number) => number): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let index = 0; index < bits.length; index++) halves[index] = narrowBits(bits[index] ?? 0);
  return halves;
}

/**
 * The values of a floating-point tensor. F16 and BF16 widen exactly, F64 rounds to nearest; F32 is a
 * view of the tensor's bytes where alignment allows.
 */
export function toFloat32(tensor: HostTensor): Float32Array {
  assertWhole("tensor", tensor);
  switch (tensor.dtype) {
    case "F32":
      return viewAs(tensor.bytes, Float32Array);
    case "F64":
      return Float32Array.from(viewAs(tensor.bytes, Float64Array));
    case "F16":
      return widen(viewAs(tensor.bytes, Uint16Array), widenHalf);
    case "BF16":
      return widen(viewAs(tensor.bytes, Uint16Array), widenBfloat);
    default:
      throw new ClipError(
        "bad-weights",
        `Expected floating-point values, but the tensor holds ${tensor.dtype}; read it with toInt32.`,
        { data: { dtype: tensor.dtype } },
      );
  }
}

function int32FromInt64(values: BigInt64Array): Int32Array {
  return Int32Array.from(values, (value) => {
    if (BigInt.asIntN(32, value) === value) return Number(value);
    throw new ClipError("bad-weights", `${value} does not fit into a 32-bit integer.`, {
      data: { value: String(value) },
    });
  });
}

/** The values of an integer or boolean tensor; an I64 value beyond 32 bits is an error. */
export function toInt32(tensor: HostTensor): Int32Array {
  assertWhole("tensor", tensor);
  switch (tensor.dtype) {
    case "I32":
      return viewAs(tensor.bytes, Int32Array);
    case "I64":
      return int32FromInt64(viewAs(tensor.bytes, BigInt64Array));
    case "I16":
      return Int32Array.from(viewAs(tensor.bytes, Int16Array));
    case "I8":
      return Int32Array.from(viewAs(tensor.bytes, Int8Array));
    case "U8":
    case "BOOL":
      return Int32Array.from(tensor.bytes);
    default:
      throw new ClipError(
        "bad-weights",
        `Expected integers, but the tensor holds ${tensor.dtype}; read it with toFloat32.`,
        { data: { dtype: tensor.dtype } },
      );
  }
}

/**
 * A host tensor of these values, rounded to nearest (ties to even) for F16 and BF16. An F32 tensor
 * shares the memory of `values`.
 */
export function fromFloat32(
  values: Float32Array,
  shape: readonly number[],
  dtype: FloatDtype = "F32",
): HostTensor {
  const stored = {
    F32: () => values,
    F16: () => narrow(values, narrowToHalf),
    BF16: () => narrow(values, narrowToBfloat),
  };
  const tensor = { dtype, shape, bytes: bytesOf(stored[dtype]()) };
  assertWhole("values", tensor);
  return tensor;
}

/** An I32 host tensor that shares the memory of `values`. */
export function fromInt32(values: Int32Array, shape: readonly number[]): HostTensor {
  const tensor: HostTensor = { dtype: "I32", shape, bytes: bytesOf(values) };
  assertWhole("values", tensor);
  return tensor;
}
