import fc from "fast-check";
import { expect, test } from "vitest";
import { fromFloat32, toFloat32, type HostTensor } from "./index.ts";

const patterns = Uint16Array.from({ length: 0x1_0000 }, (_, index) => index);
const stored = (dtype: "F16" | "BF16", bits: Uint16Array): HostTensor => ({
  dtype,
  shape: [bits.length],
  bytes: new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength),
});
const bitsOf = (tensor: HostTensor): Uint16Array => new Uint16Array(tensor.bytes.slice().buffer);

/** The value of a small float with this many exponent and fraction bits, by its definition. */
function valueOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >>> 15 === 1 ? -1 : 1;
  const exponent = (bits >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

const formats = [
  { dtype: "F16", exponentBits: 5, fractionBits: 10 },
  { dtype: "BF16", exponentBits: 8, fractionBits: 7 },
] as const;

test.each(formats)("every $dtype pattern widens to its value", (format) => {
  const values = toFloat32(stored(format.dtype, patterns));
  const wrong = patterns.filter(
    (bits) => !Object.is(values[bits], valueOf(bits, format.exponentBits, format.fractionBits)),
  );
  expect([...wrong]).toEqual([]);
});

test.each(formats)("every $dtype number survives widening and narrowing", ({ dtype }) => {
  const values = toFloat32(stored(dtype, patterns));
  const back = bitsOf(fromFloat32(values, [values.length], dtype));
  const again = toFloat32(stored(dtype, back)); // a signalling NaN may come back as a quiet one
  const survives = (bits: number): boolean =>
    Number.isNaN(values[bits]) ? Number.isNaN(again[bits]) : back[bits] === bits;
  const lost = patterns.filter((bits) => !survives(bits));
  expect([...lost]).toEqual([]);
});

test.each(formats)("narrowing to $dtype takes the nearest number, the even one of two", (format) => {
  const { dtype, exponentBits, fractionBits } = format;
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  // Rounding treats infinity as the next number after the largest.
  const next = (bits: number): number =>
    bits === infinity ? 2 ** (2 ** (exponentBits - 1)) : valueOf(bits, exponentBits, fractionBits);
  const nearest = (value: number): number => {
    let low = 0;
    let high = infinity;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (next(middle) <= value) low = middle;
      else high = middle;
    }
    const below = value - next(low);
    const above = next(high) - value;
    if (below === above) return low % 2 === 0 ? low : high;
    return below < above ? low : high;
  };
  const middles = fc
    .nat(infinity - 1)
    .map((bits) => (next(bits) + next(bits + 1)) / 2)
    .chain((middle) => fc.constantFrom(middle, middle * (1 - 2 ** -23), middle * (1 + 2 ** -23)));
  const anything = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.oneof(middles, anything), (drawn) => {
      const value = Math.fround(drawn);
      fc.pre(value !== Infinity);
      const expected = Math.min(nearest(value), infinity);
      const bits = bitsOf(fromFloat32(Float32Array.of(value, -value), [2], dtype));
      expect([...bits]).toEqual([expected, expected | 0x8000]);
    }),
    { numRuns: 2000 },
  );
});
