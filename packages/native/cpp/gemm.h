// GEMM: C = A B with A of m x k, B of k x n and C of m x n, all row-major, of floats or of bfloat16, summed in 32
// bits, on processors with vectors of 512 bits that multiply pairs of bfloat16. In the words of BLIS: a
// micro-kernel of MR x NR, B packed panel by panel, A packed only where it does not lie as it is read.
#ifndef CLIP_TS_GEMM_H_
#define CLIP_TS_GEMM_H_

#include <cstdint>

#include "constants.h"

namespace clip_ts {

// `Number` is float, or uint16_t for the bits of bfloat16. What is multiplied at once along k, a float or a pair
// of bfloat16 (as in oneDNN's VNNI layouts), is called a unit: it takes 32 bits.
template <typename Number>
struct Gemm {
  static constexpr int64_t kInUnit = 4 / sizeof(Number);
  const Number *a, *b;
  Number* c;
  int64_t m, n, k;
  // Whether A lies as [k, m], B as [n, k].
  bool transpose_a, transpose_b;

  int64_t units() const { return (k + kInUnit - 1) / kInUnit; }
  // Whether units of A do not lie as they are needed, so that PackA must be called.
  bool packs_a() const { return transpose_a || k % kInUnit != 0; }
};

// Which GEMM multiplies matrices on this processor: our own, or TensorFlow's for a reason.
GemmChoice ChooseGemm();

// Whether this processor can run what follows, and has nothing much faster.
inline bool HasOwnGemm() { return ChooseGemm() == kOwn; }

inline int64_t PiecesOf(int64_t count, int64_t size) { return (count + size - 1) / size; }

// How many units the functions below write; what they write must begin at a multiple of 64 bytes.
template <typename Number>
int64_t PackedSizeOfA(const Gemm<Number>& gemm) {
  return PiecesOf(gemm.m, kMR) * kMR * gemm.units();
}
template <typename Number>
int64_t PanelSizeOfB(const Gemm<Number>& gemm) {
  return kNR * gemm.units();
}

// Packs units `begin` to `end` of A into its micro-panels of MR rows, all of them, unit by unit.
template <typename Number>
void PackA(const Gemm<Number>& gemm, int64_t begin, int64_t end, uint32_t* packed);

// Packs one panel of B, NR columns by the whole of k, unit by unit. Columns beyond n are zeros.
template <typename Number>
void PackB(const Gemm<Number>& gemm, int64_t panel, uint32_t* packed);

// The macro-kernel: rows `begin` to `end` of A, `begin` being a multiple of MR, by one packed panel of B. `a` is
// what PackA wrote, or null to read A as it lies.
template <typename Number>
void MultiplyPanel(const Gemm<Number>& gemm, const uint32_t* a, const uint32_t* b, int64_t panel, int64_t begin,
                   int64_t end);

// m rows of floats, `a_stride` apart and k long, times one packed panel; rows of the result, `c_stride` apart, get
// the first n of its columns, n <= NR.
struct StridedGemm {
  const float* a;
  int64_t a_stride, m, k;
  const float* b;
  float* c;
  int64_t c_stride, n;
};
void MultiplyStrided(const StridedGemm& gemm);

}  // namespace clip_ts

#endif  // CLIP_TS_GEMM_H_
