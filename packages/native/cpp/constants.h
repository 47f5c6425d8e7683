// What TypeScript knows too. Written from src/constants.ts by its test: pnpm vitest packages/native -u
#ifndef CLIP_TS_CONSTANTS_H_
#define CLIP_TS_CONSTANTS_H_

#include <cstdint>

namespace clip_ts {

constexpr char kAdamwOp[] = "ClipTsAdamW";
constexpr char kAttentionOp[] = "ClipTsAttention";
constexpr char kFusedRowsOp[] = "ClipTsFusedRows";
constexpr char kMatMulOp[] = "ClipTsMatMul";
constexpr char kPrepackBOp[] = "ClipTsPrepackB";
constexpr char kSumOfSquaresOp[] = "ClipTsSumOfSquares";
constexpr char kTransposeOp[] = "ClipTsTranspose";

// The block of C that the micro-kernel of GEMM keeps in registers: rows by columns.
constexpr int64_t kMR = 6;
constexpr int64_t kNR = 64;

// Which GEMM multiplies matrices: our own, or TensorFlow's for a reason.
enum GemmChoice : int {
  kOwn = 0,
  kNoBf16 = 1,
  kHasAmx = 2,
  kOtherPlatform = 3,
};

// Instructions of a row kernel.
enum Code : int {
  kAdd = 0,
  kSub = 1,
  kMultiply = 2,
  kRealDiv = 3,
  kMaximum = 4,
  kMinimum = 5,
  kSquaredDifference = 6,
  kNeg = 16,
  kExp = 17,
  kSqrt = 18,
  kRsqrt = 19,
  kSquare = 20,
  kSigmoid = 21,
  kReciprocal = 22,
  kRelu = 23,
  kSum = 32,
  kMean = 33,
  kMax = 34,
  kStore = 48,
  kAddToColumns = 49,
};

// How operands of a row kernel lie over the rows.
enum InputKind : int {
  kInputWhole = 0,
  kInputColumn = 1,
  kInputRepeated = 2,
  kInputNumber = 3,
};
enum OutputKind : int {
  kOutputWhole = 0,
  kOutputColumn = 1,
  kOutputSums = 2,
};

}  // namespace clip_ts

#endif  // CLIP_TS_CONSTANTS_H_
