import { largestDifference, randomTensor, reference } from "@clip-ts/test-utils";
import { describe, expect, test } from "vitest";
import { compileHere } from "./compile-here.test.ts";

/** Head by head, one after another, as ClipTsAttention does on several threads. */
const doorway = `
#include "attention.h"
using namespace clip_ts;
extern "C" int has_own_gemm() { return HasOwnGemm(); }
extern "C" void attend(const int* sizes, float scale, const float* q, const float* k, const float* v,
                       const float* bias, const float* mask, float* y) {
  const AttentionSizes of{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], scale};
  AttentionArrays arrays{q, k, v};
  arrays.result = y;
  if (bias != nullptr) arrays.biases[0] = arrays.biases[1] = arrays.biases[2] = bias;
  arrays.mask = mask;
  arrays.mask_row = sizes[5];
  arrays.mask_batch = sizes[6];
  for (int64_t i = 0; i < of.batch; ++i) {
    for (int64_t head = 0; head < of.heads; ++head) AttendHead(of, arrays, i, head);
  }
}`;

type Attend = (...given: (Float32Array | Int32Array | number | null)[]) => void;

const library = compileHere(doorway, ["attention_head.cc", "gemm.cc"]);
const hasOwnGemm = library?.func("has_own_gemm", "int", [])() === 1;
const array = "void *";
const attend = library?.func("attend", "void", [array, "float", ...Array.from({ length: 6 }, () => array)]) as
  | Attend
  | undefined;
if (!hasOwnGemm) console.warn("Skipped: attention in C++, which is not for this processor.");

const [batch, heads] = [2, 3];

/** One head of one sequence: its rows of [batch, tokens, heads, dim], with the bias. */
function headOf(x: Float32Array, dim: number, at: { i: number; head: number; tokens: number }) {
  return Array.from({ length: at.tokens * dim }, (_, index) => {
    const [token, column] = [Math.floor(index / dim), index % dim];
    return x[((at.i * at.tokens + token) * heads + at.head) * dim + column] as number;
  });
}

describe.skipIf(!hasOwnGemm)("attention in C++", () => {
  test.each([
    [5, 4, "none"],
    [50, 64, "rows"],
    [70, 72, "rows"],
    [130, 16, "sequences"],
    [6, 7, "sequences"],
  ] as const)("%i tokens of %i numbers a head, masks: %s", (tokens, dim, masks) => {
    const size = batch * tokens * heads * dim;
    const random = (count: number, label: string): Float32Array =>
      randomTensor([count], label).dataSync() as Float32Array;
    const [q, k, v] = ["q", "k", "v"].map((label) => random(size, label));
    const bias = random(heads * dim, "bias");
    const rows = masks === "rows" ? tokens : 1;
    const sequences = masks === "sequences" ? batch : 1;
    const mask = Float32Array.from({ length: sequences * rows * tokens }, (_, at) =>
      at % tokens > 0 && at % 3 === 2 ? -1e9 : 0,
    );
    const steps = [masks === "rows" ? tokens : 0, masks === "sequences" ? tokens : 0];
    const sizes = Int32Array.of(batch, tokens, tokens, heads, dim, ...steps);
    const y = new Float32Array(size);
    const given = masks === "none" ? null : mask;
    attend?.(sizes, dim ** -0.5, q!, k!, v!, bias, given, y);
    const shifted = [q, k, v].map((x) => x!.map((value, at) => value + bias[at % bias.length]!));
    for (let i = 0; i < batch; i++) {
      for (let head = 0; head < heads; head++) {
        const place = { i, head, tokens };
        const [queries, keys, values] = shifted.map((x) => headOf(x, dim, place));
        const own = Array.from({ length: tokens * tokens }, (_, at) => {
          const [row, column] = [Math.floor(at / tokens), at % tokens];
          return mask[i * steps[1]! + row * steps[0]! + column] as number;
        });
        const expected = reference.attention(
          { q: queries!, k: keys!, v: values! },
          { tokens, dim },
          masks === "none" ? undefined : own,
        );
        const seen = headOf(y, dim, place);
        expect(largestDifference(Float32Array.from(seen), expected)).toBeLessThan(3e-6);
      }
    }
  });
});
