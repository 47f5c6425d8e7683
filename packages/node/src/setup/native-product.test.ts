import { describe, expect, test } from "vitest";
import { compileHere } from "./native-here.test.ts";

/** Strip by strip in turn, as ClipTsMatMul does on several threads. */
const doorway = `
#include <algorithm>
#include <cstdlib>
#include "product.h"
using namespace clip_ts;
extern "C" int has_products() { return HasProducts(); }
template <typename Number>
static void Run(const Number* left, const Number* right, Number* result, const int* sizes, int turned) {
  const Product<Number> product{left, right, result, sizes[0], sizes[1], sizes[2],
                                (turned & 1) != 0, (turned & 2) != 0};
  auto memory = [](int64_t units) {
    return static_cast<uint32_t*>(std::aligned_alloc(64, (units * 4 + 63) / 64 * 64));
  };
  uint32_t* packed = product.packs_left() ? memory(PackedLeft(product)) : nullptr;
  if (packed != nullptr) {
    const int64_t half = product.units() / 2;
    PackLeft(product, 0, half, packed);
    PackLeft(product, half, product.units(), packed);
  }
  uint32_t* strip = memory(PackedRight(product));
  for (int64_t i = 0; i < PiecesOf(product.columns, kColumns); ++i) {
    PackRight(product, i, strip);
    const int64_t upper = std::min<int64_t>(product.rows, kRows);
    MultiplyStrip(product, packed, strip, i, 0, upper);
    MultiplyStrip(product, packed, strip, i, upper, product.rows);
  }
  std::free(packed);
  std::free(strip);
}
extern "C" void floats(const float* l, const float* r, float* y, const int* sizes, int turned) {
  Run(l, r, y, sizes, turned);
}
extern "C" void rounded(const uint16_t* l, const uint16_t* r, uint16_t* y, const int* sizes, int turned) {
  Run(l, r, y, sizes, turned);
}`;

type Run = (...given: (Float32Array | Uint16Array | Int32Array | number)[]) => void;

const library = compileHere(doorway, ["product.cc"]);
const hasProducts = library?.func("has_products", "int", [])() === 1;
const parameters = ["void *", "void *", "void *", "void *", "int"];
const floats = library?.func("floats", "void", parameters) as Run | undefined;
const rounded = library?.func("rounded", "void", parameters) as Run | undefined;
if (!hasProducts) console.warn("Skipped: products in C++, which are not for this processor.");

/** Small whole numbers, whose products and sums are exact in either type. */
const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => ((at * 7 + seed * 5) % 11) - 5);

const toBits = (x: Float32Array): Uint16Array =>
  Uint16Array.from(new Uint32Array(x.buffer), (bits) => {
    return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  });

const shapes = [
  [1, 1, 1],
  [6, 64, 32],
  [7, 65, 33],
  [101, 130, 37],
  [97, 63, 50],
  [12, 16, 2],
];
const cases = shapes.flatMap((shape) => [0, 1, 2, 3].map((turned) => [shape, turned] as const));

describe.skipIf(!hasProducts)("products in C++", () => {
  test.each(cases)("%j, operands lying as %i says", (shape, turned) => {
    const [rows, columns, length] = shape as [number, number, number];
    const [left, right] = [numbers(rows * length, 1), numbers(length * columns, 2)];
    const expected = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let at = 0; at < length; at++) {
          const x = left[(turned & 1) === 0 ? row * length + at : at * rows + row] as number;
          const y = right[(turned & 2) === 0 ? at * columns + column : column * length + at];
          expected[row * columns + column]! += x * (y as number);
        }
      }
    }
    const sizes = Int32Array.of(rows, columns, length);
    const result = new Float32Array(rows * columns);
    floats?.(left, right, result, sizes, turned);
    expect(result).toEqual(expected);
    const bits = new Uint16Array(rows * columns);
    rounded?.(toBits(left), toBits(right), bits, sizes, turned);
    expect(bits).toEqual(toBits(expected));
  });
});
