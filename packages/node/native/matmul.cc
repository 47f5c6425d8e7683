// A product of two matrices, strip of columns by strip of columns, and the packing of a right operand that is
// multiplied by again and again.
#include "parallel.h"
#include "product.h"
#include "scratch.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace clip_ts {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

// Units of the left operand that are packed at once, and the fewest rows that are multiplied at once.
constexpr int64_t kPackedUnits = 32, kFewRows = 16 * kRows;

// How many parts rows are divided into, so that every thread has several pieces.
int64_t PartsOf(OpKernelContext* context, int64_t rows, int64_t strips) {
  const int64_t threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
  const int64_t wanted = PiecesOf(4 * threads, strips);
  return std::max<int64_t>(1, std::min(wanted, rows / kFewRows));
}

// Where a strip of the right operand lies once it is packed: of all of them, or in the thread's own memory.
template <typename Number>
const uint32_t* StripOf(const Product<Number>& product, const uint32_t* packed, int64_t strip) {
  if (packed != nullptr) return packed + strip * PackedRight(product);
  uint32_t* right = ScratchOf<uint32_t>(PackedRight(product));
  PackRight(product, strip, right);
  return right;
}

// `left` has room for the left operand if it must be packed; `right` is the packed right one, if it is.
template <typename Number>
void Multiply(OpKernelContext* context, const Product<Number>& product, uint32_t* left, const uint32_t* right) {
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
    MultiplyStrip(product, left, StripOf(product, right, strip), strip, begin,
                  std::min(product.rows, begin + height));
  });
}

// How many numbers a packed strip has, some of which only fill units and columns up.
template <typename Number>
int64_t NumbersOfStrip(const Product<Number>& product) {
  return PackedRight(product) * Product<Number>::kInUnit;
}

// Whether a matrix is what Packed makes of the right operand.
template <typename Number>
bool IsPacked(const Tensor& matrix, const Product<Number>& product) {
  return matrix.dim_size(0) == PiecesOf(product.columns, kColumns) &&
         matrix.dim_size(1) == NumbersOfStrip(product) && reinterpret_cast<uintptr_t>(matrix.data()) % 64 == 0;
}

template <typename Number>
class MatMul : public tensorflow::OpKernel {
 public:
  explicit MatMul(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("transpose_a", &turns_left_));
    OP_REQUIRES_OK(context, context->GetAttr("transpose_b", &turns_right_));
    OP_REQUIRES_OK(context, context->GetAttr("packed_columns", &packed_columns_));
    OP_REQUIRES(context, HasProducts(), absl::UnimplementedError("ClipTsMatMul needs AVX512-BF16"));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &a = context->input(0), &b = context->input(1);
    const bool is_packed = packed_columns_ > 0;
    OP_REQUIRES(context, a.dims() == 2 && b.dims() == 2, absl::InvalidArgumentError("not two matrices"));
    const int64_t rows = a.dim_size(turns_left_ ? 1 : 0), length = a.dim_size(turns_left_ ? 0 : 1);
    const int64_t columns = is_packed ? packed_columns_ : b.dim_size(turns_right_ ? 0 : 1);
    Product<Number> product{static_cast<const Number*>(a.data()), static_cast<const Number*>(b.data()), nullptr,
                            rows, columns, length, turns_left_, turns_right_};
    OP_REQUIRES(context, is_packed ? IsPacked(b, product) : b.dim_size(turns_right_ ? 1 : 0) == length,
                absl::InvalidArgumentError("the length of rows and columns differs"));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {rows, columns}, &y));
    if (rows == 0 || columns == 0) return;
    product.result = static_cast<Number*>(y->data());
    Tensor packed;
    uint32_t* left = nullptr;
    if (product.packs_left()) {
      OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_UINT32, {PackedLeft(product)}, &packed));
      left = packed.flat<uint32_t>().data();
    }
    Multiply(context, product, left, is_packed ? static_cast<const uint32_t*>(b.data()) : nullptr);
  }

 private:
  bool turns_left_, turns_right_;
  int64_t packed_columns_;
};

// All strips of a right operand that lies as [columns, length].
template <typename Number>
class Packed : public tensorflow::OpKernel {
 public:
  explicit Packed(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES(context, HasProducts(), absl::UnimplementedError("ClipTsPacked needs AVX512-BF16"));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 2, absl::InvalidArgumentError("only a matrix can be packed"));
    const Product<Number> product{nullptr, static_cast<const Number*>(x.data()), nullptr, 0,
                                  x.dim_size(0), x.dim_size(1), false, true};
    const int64_t strips = PiecesOf(product.columns, kColumns);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {strips, NumbersOfStrip(product)}, &y));
    auto* packed = static_cast<uint32_t*>(y->data());
    ForEachPiece(context, strips,
                 [&](int64_t strip) { PackRight(product, strip, packed + strip * PackedRight(product)); });
  }
};

REGISTER_OP("ClipTsMatMul")
    .Input("a: T")
    .Input("b: T")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .Attr("transpose_a: bool = false")
    .Attr("transpose_b: bool = false")
    .Attr("packed_columns: int = 0")
    .SetShapeFn([](InferenceContext* context) {
      int64_t columns = 0;
      bool turns_left = false;
      TF_RETURN_IF_ERROR(context->GetAttr("packed_columns", &columns));
      TF_RETURN_IF_ERROR(context->GetAttr("transpose_a", &turns_left));
      if (columns == 0) return tensorflow::shape_inference::MatMulShape(context);
      ShapeHandle a;
      TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 2, &a));
      context->set_output(0, context->Matrix(context->Dim(a, turns_left ? 1 : 0), columns));
      return tensorflow::OkStatus();
    })
    .Doc("The product of two matrices, summed in 32 bits. With packed_columns, b is what ClipTsPacked made of a "
         "matrix of so many columns.");

REGISTER_OP("ClipTsPacked")
    .Input("x: T")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->UnknownShapeOfRank(2));
      return tensorflow::OkStatus();
    })
    .Doc("A matrix that lies as [columns, length], in the order in which ClipTsMatMul reads it.");

REGISTER_KERNEL_BUILDER(Name("ClipTsMatMul").Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"),
                        MatMul<float>);
REGISTER_KERNEL_BUILDER(
    Name("ClipTsMatMul").Device(tensorflow::DEVICE_CPU).TypeConstraint<tensorflow::bfloat16>("T"),
    MatMul<uint16_t>);
REGISTER_KERNEL_BUILDER(Name("ClipTsPacked").Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"),
                        Packed<float>);
REGISTER_KERNEL_BUILDER(
    Name("ClipTsPacked").Device(tensorflow::DEVICE_CPU).TypeConstraint<tensorflow::bfloat16>("T"),
    Packed<uint16_t>);

}  // namespace
}  // namespace clip_ts
