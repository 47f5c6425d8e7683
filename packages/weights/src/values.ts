import { ClipError } from "@clip-ts/base";
import { assertWhole, type HostTensor } from "./tensor-file.ts";

/**
 * Half precision as bit patterns. A 32-bit float has 8 exponent bits (bias 127) and 23 fraction bits;
 * F16 has 5 (bias 15) and 10; BF16 is the upper half of a 32-bit float (IEEE 754-2019, section 3.6).
 * Narrowing rounds to nearest, ties to even; what is too large becomes infinite; NaN stays NaN.
 */
const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

const infinityBits = 0x7f80_0000;
const smallestNormalHalf = 0x3880_0000; // 2^-14
const beyondHalf = 0x4780_0000; // 2^16
const exponentShift = 0x3800_0000; // (127 - 15) << 23

function bitsOf(value: number): number {
  scratch[0] = value;
  return scratchBits[0] ?? 0;
}

/** The 32-bit pattern with the value of an F16 pattern. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return sign | infinityBits | (magnitude << 13);
  if (magnitude >= 0x0400) return sign | ((magnitude << 13) + exponentShift);
  return sign | bitsOf(magnitude * 2 ** -24); // subnormal
}

/** The F16 pattern nearest to a 32-bit pattern. */
function narrowToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > infinityBits) return sign | 0x7e00 | ((magnitude >>> 13) & 0x03ff);
  if (magnitude >= beyondHalf) return sign | 0x7c00;
  if (magnitude >= smallestNormalHalf) {
    return sign | ((magnitude + 0x0fff + ((magnitude >>> 13) & 1) - exponentShift) >>> 13);
  }
  // Between 0.5 and 1, floats are 2^-24 apart, as subnormal halves are: adding 0.5 rounds.
  scratchBits[0] = magnitude;
  return sign | (bitsOf((scratch[0] ?? 0) + 0.5) - bitsOf(0.5));
}

/** The 32-bit pattern with the value of a BF16 pattern. */
function widenBfloat(bfloat: number): number {
  return bfloat << 16;
}

/** The BF16 pattern nearest to a 32-bit pattern. */
function narrowToBfloat(bits: number): number {
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > infinityBits) return (bits >>> 16) | 0x0040;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Number formats a model's weights may be stored in. */
export type FloatDtype = "F32" | "F16" | "BF16";

type ArrayOver<Values> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Values;

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
export function fromFloat32(values: Float32Array, shape: readonly number[], dtype: FloatDtype = "F32"): HostTensor {
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
