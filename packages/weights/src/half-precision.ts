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
export function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return sign | infinityBits | (magnitude << 13);
  if (magnitude >= 0x0400) return sign | ((magnitude << 13) + exponentShift);
  return sign | bitsOf(magnitude * 2 ** -24); // subnormal
}

/** The F16 pattern nearest to a 32-bit pattern. */
export function narrowToHalf(bits: number): number {
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
export function widenBfloat(bfloat: number): number {
  return bfloat << 16;
}

/** The BF16 pattern nearest to a 32-bit pattern. */
export function narrowToBfloat(bits: number): number {
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > infinityBits) return (bits >>> 16) | 0x0040;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
