// The transpose of a matrix, block by block, so that neither side is read in long strides.
#include "constants.h"
#include "parallel.h"
#include "processor.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace clip_ts {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

constexpr int64_t kBlock = 32;

struct Matrix {
  const float* from;
  float* to;
  int64_t rows, columns;
};

// Rows `begin` to `end` of the result, columns of the matrix.
CLIP_TS_FOR_EACH_PROCESSOR
void TransposeColumns(const Matrix& matrix, int64_t begin, int64_t end) {
  for (int64_t first = 0; first < matrix.rows; first += kBlock) {
    const int64_t last = std::min(matrix.rows, first + kBlock);
    for (int64_t column = begin; column < end; ++column) {
      for (int64_t row = first; row < last; ++row) {
        matrix.to[column * matrix.rows + row] = matrix.from[row * matrix.columns + column];
      }
    }
  }
}

class Transpose : public tensorflow::OpKernel {
 public:
  explicit Transpose(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 2, absl::InvalidArgumentError("only a matrix has a transpose"));
    const int64_t rows = x.dim_size(0), columns = x.dim_size(1);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {columns, rows}, &y));
    const Matrix matrix{x.flat<float>().data(), y->flat<float>().data(), rows, columns};
    ForEachPiece(context, (columns + kBlock - 1) / kBlock, [&](int64_t piece) {
      TransposeColumns(matrix, piece * kBlock, std::min(columns, (piece + 1) * kBlock));
    });
  }
};

REGISTER_OP(kTransposeOp)
    .Input("x: float")
    .Output("y: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      tensorflow::shape_inference::ShapeHandle x;
      TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 2, &x));
      context->set_output(0, context->Matrix(context->Dim(x, 1), context->Dim(x, 0)));
      return tensorflow::OkStatus();
    })
    .Doc("A matrix with rows as columns.");

REGISTER_KERNEL_BUILDER(Name(kTransposeOp).Device(tensorflow::DEVICE_CPU), Transpose);

}  // namespace
}  // namespace clip_ts
