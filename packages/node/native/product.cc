#include "product.h"

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

bool HasProducts() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && !HasTiles();
}

}  // namespace clip_ts

// What is above runs on every processor, what is below on those that have the instructions.
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512bf16,fma")

namespace clip_ts {
namespace {

constexpr int kLanes = 16;
constexpr int kVectors = kColumns / kLanes;

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

// 32 columns of a unit that lies across rows.
CLIP_TS_INLINE void Across(const Matrix<float>& matrix, int64_t unit, int64_t column, uint32_t* units) {
  const float* row = matrix.numbers + unit * matrix.columns + column;
  _mm512_storeu_si512(units, Load(row, matrix.columns - column));
  _mm512_storeu_si512(units + kLanes, Load(row + kLanes, matrix.columns - column - kLanes));
}
CLIP_TS_INLINE void Across(const Matrix<uint16_t>& matrix, int64_t unit, int64_t column, uint32_t* units) {
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

// 16 rows of 16 units, transposed; rows of the result are `step` units apart.
CLIP_TS_INLINE void Turn(const __m512i (&rows)[kLanes], uint32_t* to, int64_t step) {
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
    _mm512_store_si512(to + i * step, _mm512_shuffle_i32x4(a, c, 0x88));
    _mm512_store_si512(to + (i + 4) * step, _mm512_shuffle_i32x4(b, d, 0x88));
    _mm512_store_si512(to + (i + 8) * step, _mm512_shuffle_i32x4(a, c, 0xdd));
    _mm512_store_si512(to + (i + 12) * step, _mm512_shuffle_i32x4(b, d, 0xdd));
  }
}

// Up to 16 units, from `unit` on, of 16 columns that lie as rows.
template <typename Number>
CLIP_TS_INLINE void Along(const Product<Number>& product, int64_t unit, int64_t column, uint32_t* to) {
  constexpr int64_t in_unit = Product<Number>::kInUnit;
  __m512i rows[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    const bool is_there = column + i < product.columns;
    const Number* row = product.right + (is_there ? column + i : 0) * product.length + in_unit * unit;
    rows[i] = Load(row, is_there ? product.length - in_unit * unit : 0);
  }
  const int64_t count = std::min<int64_t>(kLanes, product.units() - unit);
  if (count == kLanes) return Turn(rows, to, kColumns);
  alignas(64) uint32_t turned[kLanes * kLanes];
  Turn(rows, turned, kLanes);
  for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * kColumns, turned + i * kLanes, 64);
}

CLIP_TS_INLINE __m512 AddProducts(__m512 sums, __m512i left, __m512i right, float) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(left), _mm512_castsi512_ps(right), sums);
}
CLIP_TS_INLINE __m512 AddProducts(__m512 sums, __m512i left, __m512i right, uint16_t) {
  return _mm512_dpbf16_ps(sums, (__m512bh)left, (__m512bh)right);
}

CLIP_TS_INLINE void Store(float* to, __m512 sums, __mmask16 inside) {
  _mm512_mask_storeu_ps(to, inside, sums);
}
CLIP_TS_INLINE void Store(uint16_t* to, __m512 sums, __mmask16 inside) {
  _mm256_mask_storeu_epi16(to, inside, (__m256i)_mm512_cvtneps_pbh(sums));
}

// Units of a strip of rows: the first, and how far it is to the next row and to the next unit.
struct Strip {
  const uint32_t* units;
  int64_t row_step, unit_step, count;
};

// A block of the result, `Rows` by kColumns, of which `inside` columns are there.
template <typename Number, int Rows>
void MultiplyBlock(const Strip& left, const uint32_t* right, Number* result, int64_t columns, int64_t inside) {
  __m512 sums[Rows][kVectors];
#pragma GCC unroll 6
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (int at = 0; at < kVectors; ++at) sums[row][at] = _mm512_setzero_ps();
  }
  const uint32_t* unit = left.units;
  for (int64_t i = 0; i < left.count; ++i, unit += left.unit_step, right += kColumns) {
    __m512i vectors[kVectors];
#pragma GCC unroll 4
    for (int at = 0; at < kVectors; ++at) vectors[at] = _mm512_load_si512(right + at * kLanes);
#pragma GCC unroll 6
    for (int row = 0; row < Rows; ++row) {
      const __m512i everywhere = _mm512_set1_epi32(static_cast<int>(unit[row * left.row_step]));
#pragma GCC unroll 4
      for (int at = 0; at < kVectors; ++at) {
        sums[row][at] = AddProducts(sums[row][at], everywhere, vectors[at], Number());
      }
    }
  }
#pragma GCC unroll 6
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (int at = 0; at < kVectors; ++at) {
      const __mmask16 mask = static_cast<__mmask16>(FirstOf(std::min<int64_t>(inside - at * kLanes, kLanes)));
      Store(result + row * columns + at * kLanes, sums[row][at], mask);
    }
  }
}

template <typename Number>
using Block = void (*)(const Strip&, const uint32_t*, Number*, int64_t, int64_t);
template <typename Number>
constexpr Block<Number> blocks[kRows] = {MultiplyBlock<Number, 1>, MultiplyBlock<Number, 2>,
                                         MultiplyBlock<Number, 3>, MultiplyBlock<Number, 4>,
                                         MultiplyBlock<Number, 5>, MultiplyBlock<Number, 6>};

}  // namespace

template <typename Number>
void PackLeft(const Product<Number>& product, int64_t begin, int64_t end, uint32_t* packed) {
  constexpr int64_t in_unit = Product<Number>::kInUnit;
  const int64_t units = product.units();
  if (!product.turns_left) {
    for (int64_t row = 0; row < product.rows; ++row) {
      uint32_t* to = packed + row / kRows * kRows * units + row % kRows;
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t at = unit * in_unit, count = std::min(in_unit, product.length - at);
        to[unit * kRows] = 0;
        std::memcpy(to + unit * kRows, product.left + row * product.length + at, count * sizeof(Number));
      }
    }
    return;
  }
  constexpr int64_t width = 96;
  const Matrix<Number> matrix{product.left, product.length, product.rows};
  alignas(64) uint32_t strips[width];
  for (int64_t first = 0; first < product.rows; first += width) {
    const int64_t count = PiecesOf(std::min(width, product.rows - first), kRows);
    for (int64_t unit = begin; unit < end; ++unit) {
      for (int64_t part = 0; part < width; part += 32) Across(matrix, unit, first + part, strips + part);
      uint32_t* to = packed + first * units + unit * kRows;
      for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * kRows * units, strips + i * kRows, 4 * kRows);
    }
  }
}

template <typename Number>
void PackRight(const Product<Number>& product, int64_t strip, uint32_t* packed) {
  const int64_t first = strip * kColumns, units = product.units();
  if (product.turns_right) {
    for (int64_t unit = 0; unit < units; unit += kLanes) {
      for (int at = 0; at < kColumns; at += kLanes) {
        Along(product, unit, first + at, packed + unit * kColumns + at);
      }
    }
    return;
  }
  const Matrix<Number> matrix{product.right, product.length, product.columns};
  for (int64_t unit = 0; unit < units; ++unit) {
    for (int at = 0; at < kColumns; at += 32) Across(matrix, unit, first + at, packed + unit * kColumns + at);
  }
}

template <typename Number>
void MultiplyStrip(const Product<Number>& product, const uint32_t* left, const uint32_t* right, int64_t strip,
                   int64_t begin, int64_t end) {
  const int64_t units = product.units(), column = strip * kColumns;
  for (int64_t row = begin; row < end; row += kRows) {
    const auto* straight = reinterpret_cast<const uint32_t*>(product.left + row * product.length);
    const Strip rows =
        left != nullptr ? Strip{left + row * units, 1, kRows, units} : Strip{straight, units, 1, units};
    blocks<Number>[std::min(kRows, end - row) - 1](rows, right, product.result + row * product.columns + column,
                                                   product.columns, product.columns - column);
  }
}

void MultiplyPanel(const Panel& panel) {
  const auto* right = reinterpret_cast<const uint32_t*>(panel.right);
  for (int64_t row = 0; row < panel.rows; row += kRows) {
    const auto* left = reinterpret_cast<const uint32_t*>(panel.left + row * panel.step);
    blocks<float>[std::min(kRows, panel.rows - row) - 1]({left, panel.step, 1, panel.length}, right,
                                                         panel.result + row * panel.columns, panel.columns,
                                                         panel.inside);
  }
}

}  // namespace clip_ts

#else  // A processor or a compiler of another kind.

namespace clip_ts {

bool HasProducts() { return false; }

template <typename Number>
void PackLeft(const Product<Number>&, int64_t, int64_t, uint32_t*) {}
template <typename Number>
void PackRight(const Product<Number>&, int64_t, uint32_t*) {}
template <typename Number>
void MultiplyStrip(const Product<Number>&, const uint32_t*, const uint32_t*, int64_t, int64_t, int64_t) {}
void MultiplyPanel(const Panel&) {}

}  // namespace clip_ts

#endif

namespace clip_ts {

template void PackLeft(const Product<float>&, int64_t, int64_t, uint32_t*);
template void PackLeft(const Product<uint16_t>&, int64_t, int64_t, uint32_t*);
template void PackRight(const Product<float>&, int64_t, uint32_t*);
template void PackRight(const Product<uint16_t>&, int64_t, uint32_t*);
template void MultiplyStrip(const Product<float>&, const uint32_t*, const uint32_t*, int64_t, int64_t, int64_t);
template void MultiplyStrip(const Product<uint16_t>&, const uint32_t*, const uint32_t*, int64_t, int64_t, int64_t);

}  // namespace clip_ts
