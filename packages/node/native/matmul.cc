// A product of two matrices, strip of columns by strip of columns.
#include <memory>

#include "parallel.h"
#include "product.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace clip_ts {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

// Units of the left operand that are packed at once, and the fewest rows that are multiplied at once.
constexpr int64_t kPackedUnits = 32, kFewRows = 16 * kRows;

// Memory of a thread's own, which grows to the largest strip and stays.
uint32_t* ScratchOf(int64_t units) {
  constexpr int64_t aligned = 64 / sizeof(uint32_t);
  thread_local std::unique_ptr<uint32_t[]> memory;
  thread_local int64_t size = 0;
  if (size < units + aligned) {
    size = units + aligned;
    memory.reset(new uint32_t[size]);
  }
  const auto address = reinterpret_cast<uintptr_t>(memory.get());
  return reinterpret_cast<uint32_t*>((address + 63) / 64 * 64);
}

// How many parts rows are divided into, so that every thread has several pieces.
int64_t PartsOf(OpKernelContext* context, int64_t rows, int64_t strips) {
  const int64_t threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
  const int64_t wanted = PiecesOf(4 * threads, strips);
  return std::max<int64_t>(1, std::min(wanted, rows / kFewRows));
}

template <typename Number>
void Multiply(OpKernelContext* context, const Product<Number>& product, uint32_t* left) {
  if (left != nullptr) {
    ForEachPiece(context, PiecesOf(product.units(), kPackedUnits), [&](int64_t piece) {
      const int64_t begin = piece * kPackedUnits;
      PackLeft(product, begin, std::min(product.units(), begin + kPackedUnits), left);
    });
  }
  const int64_t strips = PiecesOf(product.columns, kColumns);
  const int64_t parts = PartsOf(context, product.rows, strips);
  const int64_t height = PiecesOf(PiecesOf(product.rows, parts), kRows) * kRows;
  ForEachPiece(context, strips * parts, [&](int64_t piece) {
    const int64_t strip = piece / parts, begin = piece % parts * height;
    uint32_t* right = ScratchOf(PackedRight(product));
    PackRight(product, strip, right);
    MultiplyStrip(product, left, right, strip, begin, std::min(product.rows, begin + height));
  });
}

template <typename Number>
class MatMul : public tensorflow::OpKernel {
 public:
  explicit MatMul(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("transpose_a", &turns_left_));
    OP_REQUIRES_OK(context, context->GetAttr("transpose_b", &turns_right_));
    OP_REQUIRES(context, HasProducts(), absl::UnimplementedError("ClipTsMatMul needs AVX512-BF16"));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &a = context->input(0), &b = context->input(1);
    OP_REQUIRES(context, a.dims() == 2 && b.dims() == 2, absl::InvalidArgumentError("not two matrices"));
    const int64_t rows = a.dim_size(turns_left_ ? 1 : 0), length = a.dim_size(turns_left_ ? 0 : 1);
    const int64_t columns = b.dim_size(turns_right_ ? 0 : 1);
    OP_REQUIRES(context, b.dim_size(turns_right_ ? 1 : 0) == length,
                absl::InvalidArgumentError("the length of rows and columns differs"));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {rows, columns}, &y));
    if (rows == 0 || columns == 0) return;
    const Product<Number> product{static_cast<const Number*>(a.data()), static_cast<const Number*>(b.data()),
                                  static_cast<Number*>(y->data()), rows, columns, length,
                                  turns_left_, turns_right_};
    Tensor packed;
    uint32_t* left = nullptr;
    if (product.packs_left()) {
      OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_UINT32, {PackedLeft(product)}, &packed));
      left = packed.flat<uint32_t>().data();
    }
    Multiply(context, product, left);
  }

 private:
  bool turns_left_, turns_right_;
};

REGISTER_OP("ClipTsMatMul")
    .Input("a: T")
    .Input("b: T")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .Attr("transpose_a: bool = false")
    .Attr("transpose_b: bool = false")
    .SetShapeFn(tensorflow::shape_inference::MatMulShape)
    .Doc("The product of two matrices, summed in 32 bits.");

REGISTER_KERNEL_BUILDER(Name("ClipTsMatMul").Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"),
                        MatMul<float>);
REGISTER_KERNEL_BUILDER(
    Name("ClipTsMatMul").Device(tensorflow::DEVICE_CPU).TypeConstraint<tensorflow::bfloat16>("T"),
    MatMul<uint16_t>);

}  // namespace
}  // namespace clip_ts
