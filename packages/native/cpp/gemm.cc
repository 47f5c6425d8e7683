#include "gemm.h"

#include <algorithm>
#include <cstring>

#include "processor.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <cpuid.h>
#include <immintrin.h>

namespace clip_ts {
namespace {

// Tiles of AMX, which multiply bfloat16 several times as fast; oneDNN uses them.
bool HasTiles() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0;
}

}  // namespace

GemmChoice ChooseGemm() {
  const bool can_run = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl");
  return !can_run ? kNoBf16 : HasTiles() ? kHasAmx : kOwn;
}

}  // namespace clip_ts

// What is above runs on every processor, what is below on those that have the instructions.
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512bf16,fma")

namespace clip_ts {
namespace {

constexpr int kLanes = 16;
constexpr int kVectors = kNR / kLanes;

// The first `count` of 32 lanes.
CLIP_TS_INLINE __mmask32 FirstOf(int64_t count) {
  return count >= 32 ? ~0u : count <= 0 ? 0u : (1u << count) - 1u;
}

// A matrix as it lies in memory.
template <typename Number>
struct Matrix {
  const Number* numbers;
  int64_t rows, columns;
};

// Numbers of a row from `column` on, as many as fill 16 units; none beyond its end.
CLIP_TS_INLINE __m512i Load(const float* row, int64_t count) {
  return _mm512_maskz_loadu_epi32(static_cast<__mmask16>(FirstOf(count)), row);
}
CLIP_TS_INLINE __m512i Load(const uint16_t* row, int64_t count) {
  return _mm512_maskz_loadu_epi16(FirstOf(count), row);
}

// 32 columns of a unit whose numbers lie in one row, or in two that are interleaved.
CLIP_TS_INLINE void InterleaveRows(const Matrix<float>& matrix, int64_t unit, int64_t column, uint32_t* units) {
  const float* row = matrix.numbers + unit * matrix.columns + column;
  _mm512_storeu_si512(units, Load(row, matrix.columns - column));
  _mm512_storeu_si512(units + kLanes, Load(row + kLanes, matrix.columns - column - kLanes));
}
CLIP_TS_INLINE void InterleaveRows(const Matrix<uint16_t>& matrix, int64_t unit, int64_t column, uint32_t* units) {
  const int64_t inside = matrix.columns - column;
  const uint16_t* row = matrix.numbers + 2 * unit * matrix.columns + column;
  const __m512i even = Load(row, inside);
  const __m512i odd = Load(row + matrix.columns, 2 * unit + 1 < matrix.rows ? inside : 0);
  const __m512i low = _mm512_unpacklo_epi16(even, odd), high = _mm512_unpackhi_epi16(even, odd);
  const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  _mm512_storeu_si512(units, _mm512_permutex2var_epi64(low, first, high));
  _mm512_storeu_si512(units + kLanes, _mm512_permutex2var_epi64(low, second, high));
}

// 16 rows of 16 units, transposed; rows of the result are `stride` units apart.
CLIP_TS_INLINE void Transpose16(const __m512i (&rows)[kLanes], uint32_t* to, int64_t stride) {
  __m512i twos[kLanes], fours[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; i += 2) {
    twos[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    twos[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 4) {
    fours[i] = _mm512_unpacklo_epi64(twos[i], twos[i + 2]);
    fours[i + 1] = _mm512_unpackhi_epi64(twos[i], twos[i + 2]);
    fours[i + 2] = _mm512_unpacklo_epi64(twos[i + 1], twos[i + 3]);
    fours[i + 3] = _mm512_unpackhi_epi64(twos[i + 1], twos[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i a = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0xdd);
    const __m512i c = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0xdd);
    _mm512_store_si512(to + i * stride, _mm512_shuffle_i32x4(a, c, 0x88));
    _mm512_store_si512(to + (i + 4) * stride, _mm512_shuffle_i32x4(b, d, 0x88));
    _mm512_store_si512(to + (i + 8) * stride, _mm512_shuffle_i32x4(a, c, 0xdd));
    _mm512_store_si512(to + (i + 12) * stride, _mm512_shuffle_i32x4(b, d, 0xdd));
  }
}

// Up to 16 units, from `unit` on, of 16 columns of a B that lies as [n, k], into its panel.
template <typename Number>
CLIP_TS_INLINE void TransposeIntoPanel(const Gemm<Number>& gemm, int64_t unit, int64_t column, uint32_t* to) {
  constexpr int64_t in_unit = Gemm<Number>::kInUnit;
  __m512i rows[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    const bool is_there = column + i < gemm.n;
    const Number* row = gemm.b + (is_there ? column + i : 0) * gemm.k + in_unit * unit;
    rows[i] = Load(row, is_there ? gemm.k - in_unit * unit : 0);
  }
  const int64_t count = std::min<int64_t>(kLanes, gemm.units() - unit);
  if (count == kLanes) return Transpose16(rows, to, kNR);
  alignas(64) uint32_t transposed[kLanes * kLanes];
  Transpose16(rows, transposed, kLanes);
  for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * kNR, transposed + i * kLanes, 64);
}

CLIP_TS_INLINE __m512 MultiplyAdd(__m512 sums, __m512i a, __m512i b, float) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sums);
}
CLIP_TS_INLINE __m512 MultiplyAdd(__m512 sums, __m512i a, __m512i b, uint16_t) {
  return _mm512_dpbf16_ps(sums, (__m512bh)a, (__m512bh)b);
}

CLIP_TS_INLINE void Store(float* to, __m512 sums, __mmask16 inside) {
  _mm512_mask_storeu_ps(to, inside, sums);
}
CLIP_TS_INLINE void Store(uint16_t* to, __m512 sums, __mmask16 inside) {
  _mm256_mask_storeu_epi16(to, inside, (__m256i)_mm512_cvtneps_pbh(sums));
}

// Up to MR rows of A: the first unit, and how far it is to the next row and to the next unit.
struct MicroPanel {
  const uint32_t* units;
  int64_t row_stride, unit_stride, count;
};

// The micro-kernel: a block of C, `Rows` by NR, of which `inside` columns are there, over the whole of k.
template <typename Number, int Rows>
void MicroKernel(const MicroPanel& a, const uint32_t* b, Number* c, int64_t c_stride, int64_t inside) {
  __m512 sums[Rows][kVectors];
#pragma GCC unroll 6
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (int at = 0; at < kVectors; ++at) sums[row][at] = _mm512_setzero_ps();
  }
  const uint32_t* unit = a.units;
  for (int64_t i = 0; i < a.count; ++i, unit += a.unit_stride, b += kNR) {
    __m512i vectors[kVectors];
#pragma GCC unroll 4
    for (int at = 0; at < kVectors; ++at) vectors[at] = _mm512_load_si512(b + at * kLanes);
#pragma GCC unroll 6
    for (int row = 0; row < Rows; ++row) {
      const __m512i everywhere = _mm512_set1_epi32(static_cast<int>(unit[row * a.row_stride]));
#pragma GCC unroll 4
      for (int at = 0; at < kVectors; ++at) {
        sums[row][at] = MultiplyAdd(sums[row][at], everywhere, vectors[at], Number());
      }
    }
  }
#pragma GCC unroll 6
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (int at = 0; at < kVectors; ++at) {
      const __mmask16 mask = static_cast<__mmask16>(FirstOf(std::min<int64_t>(inside - at * kLanes, kLanes)));
      Store(c + row * c_stride + at * kLanes, sums[row][at], mask);
    }
  }
}

template <typename Number>
using MicroKernelOf = void (*)(const MicroPanel&, const uint32_t*, Number*, int64_t, int64_t);
template <typename Number>
constexpr MicroKernelOf<Number> micro_kernels[kMR] = {MicroKernel<Number, 1>, MicroKernel<Number, 2>,
                                                      MicroKernel<Number, 3>, MicroKernel<Number, 4>,
                                                      MicroKernel<Number, 5>, MicroKernel<Number, 6>};
static_assert(kMR == 6 && kNR == 64, "registers hold a block of C of 6 by 64");

}  // namespace

template <typename Number>
void PackA(const Gemm<Number>& gemm, int64_t begin, int64_t end, uint32_t* packed) {
  constexpr int64_t in_unit = Gemm<Number>::kInUnit;
  const int64_t units = gemm.units();
  if (!gemm.transpose_a) {
    for (int64_t row = 0; row < gemm.m; ++row) {
      uint32_t* to = packed + row / kMR * kMR * units + row % kMR;
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t at = unit * in_unit, count = std::min(in_unit, gemm.k - at);
        to[unit * kMR] = 0;
        std::memcpy(to + unit * kMR, gemm.a + row * gemm.k + at, count * sizeof(Number));
      }
    }
    return;
  }
  constexpr int64_t width = 16 * kMR;  // a multiple of 32 too: so many columns are loaded at once
  const Matrix<Number> matrix{gemm.a, gemm.k, gemm.m};
  alignas(64) uint32_t units_of_rows[width];
  for (int64_t first = 0; first < gemm.m; first += width) {
    const int64_t count = PiecesOf(std::min(width, gemm.m - first), kMR);
    for (int64_t unit = begin; unit < end; ++unit) {
      for (int64_t part = 0; part < width; part += 32) InterleaveRows(matrix, unit, first + part, units_of_rows + part);
      uint32_t* to = packed + first * units + unit * kMR;
      for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * kMR * units, units_of_rows + i * kMR, 4 * kMR);
    }
  }
}

template <typename Number>
void PackB(const Gemm<Number>& gemm, int64_t panel, uint32_t* packed) {
  const int64_t first = panel * kNR, units = gemm.units();
  if (gemm.transpose_b) {
    for (int64_t unit = 0; unit < units; unit += kLanes) {
      for (int at = 0; at < kNR; at += kLanes) {
        TransposeIntoPanel(gemm, unit, first + at, packed + unit * kNR + at);
      }
    }
    return;
  }
  const Matrix<Number> matrix{gemm.b, gemm.k, gemm.n};
  for (int64_t unit = 0; unit < units; ++unit) {
    for (int at = 0; at < kNR; at += 32) InterleaveRows(matrix, unit, first + at, packed + unit * kNR + at);
  }
}

template <typename Number>
void MultiplyPanel(const Gemm<Number>& gemm, const uint32_t* a, const uint32_t* b, int64_t panel, int64_t begin,
                   int64_t end) {
  const int64_t units = gemm.units(), column = panel * kNR;
  for (int64_t row = begin; row < end; row += kMR) {
    const auto* as_it_lies = reinterpret_cast<const uint32_t*>(gemm.a + row * gemm.k);
    const MicroPanel rows =
        a != nullptr ? MicroPanel{a + row * units, 1, kMR, units} : MicroPanel{as_it_lies, units, 1, units};
    micro_kernels<Number>[std::min(kMR, end - row) - 1](rows, b, gemm.c + row * gemm.n + column, gemm.n,
                                                        gemm.n - column);
  }
}

void MultiplyStrided(const StridedGemm& gemm) {
  const auto* b = reinterpret_cast<const uint32_t*>(gemm.b);
  for (int64_t row = 0; row < gemm.m; row += kMR) {
    const auto* a = reinterpret_cast<const uint32_t*>(gemm.a + row * gemm.a_stride);
    micro_kernels<float>[std::min(kMR, gemm.m - row) - 1]({a, gemm.a_stride, 1, gemm.k}, b,
                                                          gemm.c + row * gemm.c_stride, gemm.c_stride, gemm.n);
  }
}

}  // namespace clip_ts

#else  // A processor or a compiler of another kind.

namespace clip_ts {

GemmChoice ChooseGemm() { return kOtherPlatform; }

template <typename Number>
void PackA(const Gemm<Number>&, int64_t, int64_t, uint32_t*) {}
template <typename Number>
void PackB(const Gemm<Number>&, int64_t, uint32_t*) {}
template <typename Number>
void MultiplyPanel(const Gemm<Number>&, const uint32_t*, const uint32_t*, int64_t, int64_t, int64_t) {}
void MultiplyStrided(const StridedGemm&) {}

}  // namespace clip_ts

#endif

namespace clip_ts {

template void PackA(const Gemm<float>&, int64_t, int64_t, uint32_t*);
template void PackA(const Gemm<uint16_t>&, int64_t, int64_t, uint32_t*);
template void PackB(const Gemm<float>&, int64_t, uint32_t*);
template void PackB(const Gemm<uint16_t>&, int64_t, uint32_t*);
template void MultiplyPanel(const Gemm<float>&, const uint32_t*, const uint32_t*, int64_t, int64_t, int64_t);
template void MultiplyPanel(const Gemm<uint16_t>&, const uint32_t*, const uint32_t*, int64_t, int64_t, int64_t);

}  // namespace clip_ts
