#include "row_kernel.h"

#include <algorithm>
#include <cmath>

#include "exponential.h"
#include "processor.h"

namespace clip_ts {
namespace {

// A vector, or a number that stands for a vector of equals.
struct Operand {
  const float* data;
  bool is_vector;
};

template <typename Function>
CLIP_TS_INLINE void Map(float* y, Operand x, int count, Function function) {
  const float* from = x.data;
  // The target may be the operand, at the same place: no element is needed once it is replaced.
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) y[i] = function(from[i]);
}

template <typename Function>
CLIP_TS_INLINE void Combine(float* y, Operand a, Operand b, int count, Function function) {
  const float* left = a.data;
  const float* right = b.data;
  const float first = left[0], second = right[0];
  if (a.is_vector && b.is_vector) {
#pragma GCC ivdep
    for (int i = 0; i < count; ++i) y[i] = function(left[i], right[i]);
  } else if (a.is_vector) {
#pragma GCC ivdep
    for (int i = 0; i < count; ++i) y[i] = function(left[i], second);
  } else if (b.is_vector) {
#pragma GCC ivdep
    for (int i = 0; i < count; ++i) y[i] = function(first, right[i]);
  } else {
    y[0] = function(first, second);
  }
}

template <typename Function>
CLIP_TS_INLINE float Reduce(const float* x, int count, float start, Function function) {
  constexpr int lanes = 32;
  float parts[lanes];
  for (float& part : parts) part = start;
  const int whole = count - count % lanes;
  for (int i = 0; i < whole; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) parts[lane] = function(parts[lane], x[i + lane]);
  }
  for (int i = whole; i < count; ++i) parts[i - whole] = function(parts[i - whole], x[i]);
  float result = start;
  for (const float part : parts) result = function(result, part);
  return result;
}

const auto kPlus = [](float a, float b) __attribute__((always_inline)) { return a + b; };
const auto kGreater = [](float a, float b) __attribute__((always_inline)) { return b != b || b > a ? b : a; };

CLIP_TS_INLINE void Execute(const Instruction& instruction, float* y, Operand a, Operand b, int count) {
#define CLIP_TS_UNARY(expression) \
  return Map(y, a, a.is_vector ? count : 1, [](float x) __attribute__((always_inline)) { return expression; })
#define CLIP_TS_BINARY(expression) \
  return Combine(y, a, b, count, [](float x, float z) __attribute__((always_inline)) { return expression; })
  switch (instruction.code) {
    case kAdd: CLIP_TS_BINARY(x + z);
    case kSub: CLIP_TS_BINARY(x - z);
    case kMultiply: CLIP_TS_BINARY(x * z);
    case kRealDiv: CLIP_TS_BINARY(x / z);
    case kMaximum: CLIP_TS_BINARY(x != x || x > z ? x : z);
    case kMinimum: CLIP_TS_BINARY(x != x || x < z ? x : z);
    case kSquaredDifference: CLIP_TS_BINARY((x - z) * (x - z));
    case kNeg: CLIP_TS_UNARY(-x);
    case kExp: CLIP_TS_UNARY(Exp(x));
    case kSqrt: CLIP_TS_UNARY(std::sqrt(x));
    case kRsqrt: CLIP_TS_UNARY(1.0f / std::sqrt(x));
    case kSquare: CLIP_TS_UNARY(x * x);
    case kSigmoid: CLIP_TS_UNARY(1.0f / (1.0f + Exp(-x)));
    case kReciprocal: CLIP_TS_UNARY(1.0f / x);
    case kRelu: CLIP_TS_UNARY(x < 0.0f ? 0.0f : x);
    case kSum: y[0] = Reduce(a.data, count, 0.0f, kPlus); return;
    case kMean: y[0] = Reduce(a.data, count, 0.0f, kPlus) / static_cast<float>(count); return;
    case kMax: y[0] = Reduce(a.data, count, -INFINITY, kGreater); return;
    default: return;
  }
#undef CLIP_TS_UNARY
#undef CLIP_TS_BINARY
}

// Part of a row: `count` numbers from `column` on.
struct Window {
  int64_t row;
  int column, count;
};

CLIP_TS_INLINE void Store(const OutputArray& output, Operand x, const Window& window, int columns) {
  const int64_t at = x.is_vector ? window.row * columns + window.column : window.row;
  const int count = x.is_vector ? window.count : 1;
  if (output.is_rounded) {
    uint16_t* __restrict to = static_cast<uint16_t*>(output.data) + at;
    for (int i = 0; i < count; ++i) to[i] = Rounded(x.data[i]);
  } else {
    float* __restrict to = static_cast<float*>(output.data) + at;
    for (int i = 0; i < count; ++i) to[i] = x.data[i];
  }
}

// Where an input's numbers of a window lie; bfloat16 is widened into `room`.
CLIP_TS_INLINE const float* Load(const InputArray& input, const Window& window, int columns, float* room) {
  const int64_t row = window.row % input.period;
  const int64_t at = input.is_vector ? row * columns + window.column : row;
  if (!input.is_rounded) return static_cast<const float*>(input.data) + at;
  const uint16_t* __restrict from = static_cast<const uint16_t*>(input.data) + at;
  const int count = input.is_vector ? window.count : 1;
  for (int i = 0; i < count; ++i) room[i] = Widened(from[i]);
  return room;
}

}  // namespace

bool RowKernel::SetCode(const std::vector<int>& words) {
  const int size = slots();
  for (size_t at = 0; at + 3 < words.size(); at += 4) {
    const Instruction instruction{words[at], words[at + 1], words[at + 2], words[at + 3]};
    const bool reads = instruction.left >= 0 && instruction.left < size && instruction.right >= 0 && instruction.right < size;
    const bool writes = instruction.code >= kStore ? instruction.target >= 0 : instruction.target >= first_vector() && instruction.target < size;
    if (!reads || !writes) return false;
    if (instruction.code >= kSum && instruction.code < kStore) reduces = true;
    code.push_back(instruction);
  }
  return true;
}

bool RowKernel::IsDoneWith(int input, int output) const {
  bool is_stored = false;
  for (const Instruction& instruction : code) {
    if (is_stored && (instruction.left == input || instruction.right == input)) return false;
    if (instruction.code == kStore && instruction.target == output) is_stored = true;
  }
  return true;
}

CLIP_TS_FOR_EACH_PROCESSOR
void RunRows(const RowKernel& kernel, const Arrays& arrays, RowRange range, float* sums) {
  constexpr int most = 1024;
  const int columns = kernel.columns;
  const int width = kernel.reduces ? columns : std::min(columns, most);
  const int first_vector = kernel.first_vector(), first_scalar = kernel.first_scalar();
  std::vector<float> room(static_cast<size_t>(kernel.inputs + kernel.vectors) * width + kernel.scalars);
  std::vector<Operand> slots(kernel.slots());
  for (int at = kernel.inputs; at < first_vector; ++at) slots[at] = {&kernel.numbers[at - kernel.inputs], false};
  for (int at = first_vector; at < first_scalar; ++at) {
    slots[at] = {&room[static_cast<size_t>(kernel.inputs + at - first_vector) * width], true};
  }
  for (int at = first_scalar; at < kernel.slots(); ++at) {
    const size_t scalar = at - first_scalar;
    slots[at] = {&room[static_cast<size_t>(kernel.inputs + kernel.vectors) * width + scalar], false};
  }
  for (int64_t row = range.begin; row < range.end; ++row) {
    for (int column = 0; column < columns; column += width) {
      const Window window{row, column, std::min(width, columns - column)};
      for (int at = 0; at < kernel.inputs; ++at) {
        const InputArray& input = arrays.inputs[at];
        slots[at] = {Load(input, window, columns, &room[static_cast<size_t>(at) * width]), input.is_vector};
      }
      for (const Instruction& instruction : kernel.code) {
        const Operand a = slots[instruction.left], b = slots[instruction.right];
        if (instruction.code == kStore) {
          Store(arrays.outputs[instruction.target], a, window, columns);
        } else if (instruction.code == kAddToColumns) {
          float* __restrict to = sums + static_cast<int64_t>(arrays.outputs[instruction.target].sums) * columns + column;
          for (int i = 0; i < window.count; ++i) to[i] += a.data[i];
        } else {
          Execute(instruction, const_cast<float*>(slots[instruction.target].data), a, b, window.count);
        }
      }
    }
  }
}

}  // namespace clip_ts
