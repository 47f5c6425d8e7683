// A fused kernel: instructions on vectors as long as a row and on numbers of a row.
#ifndef CLIP_TS_ROW_KERNEL_H_
#define CLIP_TS_ROW_KERNEL_H_

#include <cstdint>
#include <vector>

#include "constants.h"

namespace clip_ts {

struct Instruction {
  int code, target, left, right;
};

// Slots, in this order: inputs, numbers, vectors, scalars. `kStore` and `kAddToColumns` have an output as
// their target, all others a vector or a scalar.
struct RowKernel {
  std::vector<Instruction> code;
  std::vector<float> numbers;
  int inputs = 0, vectors = 0, scalars = 0, columns = 0;
  bool reduces = false;

  // False if an instruction reads or writes a slot that is not there.
  bool SetCode(const std::vector<int>& words);
  // Whether no instruction reads the input behind the one that stores the output.
  bool IsDoneWith(int input, int output) const;
  int first_vector() const { return inputs + static_cast<int>(numbers.size()); }
  int first_scalar() const { return first_vector() + vectors; }
  int slots() const { return first_scalar() + scalars; }
};

// Row r of an operand is row r % period of its memory; one number a row if it is no vector.
struct InputArray {
  const void* data;
  bool is_rounded, is_vector;
  int64_t period;
};

struct OutputArray {
  void* data;
  bool is_rounded;
  int sums;
};

struct Arrays {
  std::vector<InputArray> inputs;
  std::vector<OutputArray> outputs;
  std::vector<float*> sums;
};

struct RowRange {
  int64_t begin, end;
};

// Runs the kernel on some rows; sums over columns are added to `sums`, one row for each such output.
void RunRows(const RowKernel& kernel, const Arrays& arrays, RowRange range, float* sums);

}  // namespace clip_ts

#endif  // CLIP_TS_ROW_KERNEL_H_
