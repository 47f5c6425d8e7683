// Many elementwise operations, reductions over rows and sums over columns in one pass over memory: a fused
// kernel that runs on one row of a matrix after another, whose intermediate results stay in the cache.
#include <cmath>
#include <vector>

#include "parallel.h"
#include "row_kernel.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace clip_ts {
namespace {

using tensorflow::DT_FLOAT;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Sums over columns are made piece by piece: as many pieces on every machine, for the same sums.
constexpr int64_t kPieces = 16;
constexpr int64_t kNumbersOfAPiece = 8192;

class FusedRows : public tensorflow::OpKernel {
 public:
  explicit FusedRows(OpKernelConstruction* context) : OpKernel(context) {
    std::vector<int> code;
    OP_REQUIRES_OK(context, context->GetAttr("code", &code));
    OP_REQUIRES_OK(context, context->GetAttr("numbers", &kernel_.numbers));
    OP_REQUIRES_OK(context, context->GetAttr("vectors", &kernel_.vectors));
    OP_REQUIRES_OK(context, context->GetAttr("scalars", &kernel_.scalars));
    OP_REQUIRES_OK(context, context->GetAttr("columns", &kernel_.columns));
    OP_REQUIRES_OK(context, context->GetAttr("input_kinds", &input_kinds_));
    OP_REQUIRES_OK(context, context->GetAttr("output_kinds", &output_kinds_));
    OP_REQUIRES_OK(context, context->GetAttr("output_shapes", &output_shapes_));
    kernel_.inputs = static_cast<int>(input_kinds_.size());
    OP_REQUIRES(context, kernel_.SetCode(code),
                absl::InvalidArgumentError("an instruction of fused rows names a slot that is not there"));
  }

  void Compute(OpKernelContext* context) override {
    int64_t rows = 0;
    for (size_t at = 0; at < input_kinds_.size(); ++at) {
      if (input_kinds_[at] == kInputWhole) rows = context->input(at).NumElements() / kernel_.columns;
    }
    Arrays arrays;
    OP_REQUIRES_OK(context, BindInputs(context, rows, &arrays));
    OP_REQUIRES_OK(context, BindOutputs(context, rows, &arrays));
    const int64_t size = rows * kernel_.columns;
    const int64_t pieces = std::clamp<int64_t>(size / kNumbersOfAPiece, 1, std::min(rows, kPieces));
    std::vector<std::vector<float>> sums(pieces);
    ForEachPiece(context, pieces, [&](int64_t piece) {
      sums[piece].assign(arrays.sums.size() * kernel_.columns, 0.0f);
      RunRows(kernel_, arrays, {rows * piece / pieces, rows * (piece + 1) / pieces}, sums[piece].data());
    });
    for (size_t at = 0; at < arrays.sums.size() * kernel_.columns; ++at) {
      float sum = 0;
      for (const auto& piece : sums) sum += piece[at];
      arrays.sums[at / kernel_.columns][at % kernel_.columns] = sum;
    }
  }

 private:
  tensorflow::Status BindInputs(OpKernelContext* context, int64_t rows, Arrays* arrays) const {
    for (size_t at = 0; at < input_kinds_.size(); ++at) {
      const Tensor& tensor = context->input(at);
      const int64_t size = tensor.NumElements();
      const int64_t columns = kernel_.columns;
      const bool fits = input_kinds_[at] == kInputWhole      ? size == rows * columns
                        : input_kinds_[at] == kInputColumn   ? size == rows
                        : input_kinds_[at] == kInputRepeated ? size > 0 && size % columns == 0
                                                        : size == 1;
      if (!fits) return absl::InvalidArgumentError("the operands of fused rows do not fit");
      const bool is_row = input_kinds_[at] == kInputWhole || input_kinds_[at] == kInputRepeated;
      const int64_t period = is_row ? size / columns : input_kinds_[at] == kInputColumn ? rows : 1;
      arrays->inputs.push_back({tensor.data(), tensor.dtype() != DT_FLOAT, is_row, period});
    }
    return tensorflow::OkStatus();
  }

  tensorflow::Status BindOutputs(OpKernelContext* context, int64_t rows, Arrays* arrays) const {
    for (size_t at = 0; at < output_kinds_.size(); ++at) {
      const int64_t size = output_kinds_[at] == kOutputWhole    ? rows * kernel_.columns
                           : output_kinds_[at] == kOutputColumn ? rows
                                                                : kernel_.columns;
      TensorShape shape;
      TF_RETURN_IF_ERROR(ShapeOf(output_shapes_[at], size, &shape));
      // TensorFlow gives the memory of an input that nobody else reads, if there is one: it is in the cache.
      const auto ready = output_kinds_[at] == kOutputWhole ? Replaceable(context, at, size) : std::vector<int>();
      Tensor* tensor = nullptr;
      TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(ready, at, shape, &tensor));
      const bool is_rounded = tensor->dtype() != DT_FLOAT;
      arrays->outputs.push_back({tensor->data(), is_rounded, static_cast<int>(arrays->sums.size())});
      if (output_kinds_[at] == kOutputSums) arrays->sums.push_back(static_cast<float*>(tensor->data()));
    }
    return tensorflow::OkStatus();
  }

  // Inputs in whose place an output may be written: as large, and not read any more once it is stored.
  std::vector<int> Replaceable(OpKernelContext* context, int output, int64_t size) const {
    std::vector<int> found;
    for (int at = 0; at < kernel_.inputs; ++at) {
      const bool is_alike = input_kinds_[at] == kInputWhole && context->input(at).NumElements() == size;
      if (is_alike && kernel_.IsDoneWith(at, output)) found.push_back(at);
    }
    return found;
  }

  // The shape with its one open side, if any, as the number of elements demands.
  static tensorflow::Status ShapeOf(const tensorflow::PartialTensorShape& wanted, int64_t size,
                                    TensorShape* shape) {
    int64_t known = 1;
    for (const auto& side : wanted) known *= side.size < 0 ? 1 : side.size;
    for (const auto& side : wanted) shape->AddDim(side.size < 0 ? size / known : side.size);
    if (shape->num_elements() == size) return tensorflow::OkStatus();
    return absl::InvalidArgumentError("a result of fused rows has another size than its shape");
  }

  RowKernel kernel_;
  std::vector<int> input_kinds_, output_kinds_;
  std::vector<tensorflow::PartialTensorShape> output_shapes_;
};

REGISTER_OP(kFusedRowsOp)
    .Input("inputs: Tin")
    .Output("outputs: Tout")
    .Attr("Tin: list({float, bfloat16})")
    .Attr("Tout: list({float, bfloat16})")
    .Attr("code: list(int)")
    .Attr("numbers: list(float)")
    .Attr("vectors: int")
    .Attr("scalars: int")
    .Attr("columns: int")
    .Attr("input_kinds: list(int)")
    .Attr("output_kinds: list(int)")
    .Attr("output_shapes: list(shape)")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      std::vector<tensorflow::PartialTensorShape> shapes;
      TF_RETURN_IF_ERROR(context->GetAttr("output_shapes", &shapes));
      for (size_t at = 0; at < shapes.size(); ++at) {
        tensorflow::shape_inference::ShapeHandle shape;
        TF_RETURN_IF_ERROR(context->MakeShapeFromPartialTensorShape(shapes[at], &shape));
        context->set_output(at, shape);
      }
      return tensorflow::OkStatus();
    })
    .Doc("Runs a fused kernel on each row of matrices; see row_kernel.h.");

REGISTER_KERNEL_BUILDER(Name(kFusedRowsOp).Device(tensorflow::DEVICE_CPU), FusedRows);

}  // namespace
}  // namespace clip_ts
