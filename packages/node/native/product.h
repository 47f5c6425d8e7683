// Products of matrices of floats or of bfloat16, summed in 32 bits, on processors with vectors of 512 bits that
// multiply pairs of bfloat16.
#ifndef CLIP_TS_PRODUCT_H_
#define CLIP_TS_PRODUCT_H_

#include <cstdint>

namespace clip_ts {

// `Number` is float, or uint16_t for the bits of bfloat16. What is multiplied at once along the length, a float
// or two bfloat16, is called a unit: it takes 32 bits.
template <typename Number>
struct Product {
  static constexpr int64_t kInUnit = 4 / sizeof(Number);
  const Number *left, *right;
  Number* result;
  int64_t rows, columns, length;
  // Whether the left operand lies as [length, rows], the right one as [columns, length].
  bool turns_left, turns_right;

  int64_t units() const { return (length + kInUnit - 1) / kInUnit; }
  // Whether units of the left operand do not lie as they are needed, so that PackLeft must be called.
  bool packs_left() const { return turns_left || length % kInUnit != 0; }
};

// So many rows and columns of the result are computed in registers at once.
constexpr int64_t kRows = 6, kColumns = 64;

// Whether this processor can run what follows, and has nothing much faster.
bool HasProducts();

inline int64_t PiecesOf(int64_t count, int64_t size) { return (count + size - 1) / size; }

// How many units the functions below write; what they write must begin at a multiple of 64 bytes.
template <typename Number>
int64_t PackedLeft(const Product<Number>& product) {
  return PiecesOf(product.rows, kRows) * kRows * product.units();
}
template <typename Number>
int64_t PackedRight(const Product<Number>& product) {
  return kColumns * product.units();
}

// Lays units `begin` to `end` of the left operand, strip of rows by strip of rows, in the order they are read.
template <typename Number>
void PackLeft(const Product<Number>& product, int64_t begin, int64_t end, uint32_t* packed);

// Lays one strip of columns of the right operand in the order it is read.
template <typename Number>
void PackRight(const Product<Number>& product, int64_t strip, uint32_t* packed);

// Multiplies rows `begin` to `end`, `begin` being a multiple of kRows, by a strip of columns. `left` is what
// PackLeft wrote, or null to read the operand as it lies.
template <typename Number>
void MultiplyStrip(const Product<Number>& product, const uint32_t* left, const uint32_t* right, int64_t strip,
                   int64_t begin, int64_t end);

// Rows of floats, `step` apart, as long as `length`, times one packed strip; the rows of the result, `columns`
// apart, get the first `inside` of its columns.
struct Panel {
  const float* left;
  int64_t step, rows, length;
  const float* right;
  float* result;
  int64_t columns, inside;
};
void MultiplyPanel(const Panel& panel);

}  // namespace clip_ts

#endif  // CLIP_TS_PRODUCT_H_
