import { describe, expect, test } from "vitest";
import { compileHere } from "./compile-here.test.ts";

/** Panel by panel, one after another, as ClipTsMatMul does on several threads. */
const doorway = `
#include <algorithm>
#include <cstdlib>
#include "gemm.h"
using namespace clip_ts;
extern "C" int has_own_gemm() { return HasOwnGemm(); }
template <typename Number>
static void Run(const Number* a, const Number* b, Number* c, const int* sizes, int transposed) {
  const Gemm<Number> gemm{a, b, c, sizes[0], sizes[1], sizes[2], (transposed & 1) != 0, (transposed & 2) != 0};
  auto memory = [](int64_t units) {
    return static_cast<uint32_t*>(std::aligned_alloc(64, (units * 4 + 63) / 64 * 64));
  };
  uint32_t* packed = gemm.packs_a() ? memory(PackedSizeOfA(gemm)) : nullptr;
  if (packed != nullptr) {
    const int64_t half = gemm.units() / 2;
    PackA(gemm, 0, half, packed);
    PackA(gemm, half, gemm.units(), packed);
  }
  uint32_t* panel = memory(PanelSizeOfB(gemm));
  for (int64_t i = 0; i < PiecesOf(gemm.n, kNR); ++i) {
    PackB(gemm, i, panel);
    const int64_t upper = std::min<int64_t>(gemm.m, kMR);
    MultiplyPanel(gemm, packed, panel, i, 0, upper);
    MultiplyPanel(gemm, packed, panel, i, upper, gemm.m);
  }
  std::free(packed);
  std::free(panel);
}
extern "C" void floats(const float* a, const float* b, float* c, const int* sizes, int transposed) {
  Run(a, b, c, sizes, transposed);
}
extern "C" void bf16(const uint16_t* a, const uint16_t* b, uint16_t* c, const int* sizes, int transposed) {
  Run(a, b, c, sizes, transposed);
}`;

type Run = (...given: (Float32Array | Uint16Array | Int32Array | number)[]) => void;

const library = compileHere(doorway, ["gemm.cc"]);
const hasOwnGemm = library?.func("has_own_gemm", "int", [])() === 1;
const parameters = ["void *", "void *", "void *", "void *", "int"];
const floats = library?.func("floats", "void", parameters) as Run | undefined;
const bf16 = library?.func("bf16", "void", parameters) as Run | undefined;
if (!hasOwnGemm) console.warn("Skipped: the GEMM in C++, which is not for this processor.");

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
const cases = shapes.flatMap((shape) => [0, 1, 2, 3].map((transposed) => [shape, transposed] as const));

describe.skipIf(!hasOwnGemm)("GEMM in C++", () => {
  test.each(cases)("%j, operands transposed as %i says", (shape, transposed) => {
    const [rows, columns, length] = shape as [number, number, number];
    const [left, right] = [numbers(rows * length, 1), numbers(length * columns, 2)];
    const expected = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let at = 0; at < length; at++) {
          const x = left[(transposed & 1) === 0 ? row * length + at : at * rows + row] as number;
          const y = right[(transposed & 2) === 0 ? at * columns + column : column * length + at];
          expected[row * columns + column]! += x * (y as number);
        }
      }
    }
    const sizes = Int32Array.of(rows, columns, length);
    const result = new Float32Array(rows * columns);
    floats?.(left, right, result, sizes, transposed);
    expect(result).toEqual(expected);
    const bits = new Uint16Array(rows * columns);
    bf16?.(toBits(left), toBits(right), bits, sizes, transposed);
    expect(bits).toEqual(toBits(expected));
  });
});
