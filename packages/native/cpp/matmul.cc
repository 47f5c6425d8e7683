// MatMul by our own GEMM, panel of B by panel of B, and the prepacking of a B that is multiplied by again and again.
#include "gemm.h"
#include "parallel.h"
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

// Units of A that are packed at once, and the fewest rows that are multiplied at once.
constexpr int64_t kPackedUnits = 32, kFewRows = 16 * kMR;

// How many blocks of rows (MC in BLIS) A is divided into, so that every thread has several pieces.
int64_t RowBlocksOf(OpKernelContext* context, int64_t m, int64_t panels) {
  const int64_t threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
  const int64_t wanted = PiecesOf(4 * threads, panels);
  return std::max<int64_t>(1, std::min(wanted, m / kFewRows));
}

// Where a packed panel of B lies: among all of them, if B is prepacked, or in the thread's own memory.
template <typename Number>
const uint32_t* PanelOf(const Gemm<Number>& gemm, const uint32_t* prepacked, int64_t panel) {
  if (prepacked != nullptr) return prepacked + panel * PanelSizeOfB(gemm);
  uint32_t* b = ScratchOf<uint32_t>(PanelSizeOfB(gemm));
  PackB(gemm, panel, b);
  return b;
}

// `a` has room for A if it must be packed; `b` is the prepacked B, if it is.
template <typename Number>
void Multiply(OpKernelContext* context, const Gemm<Number>& gemm, uint32_t* a, const uint32_t* b) {
  if (a != nullptr) {
    ForEachPiece(context, PiecesOf(gemm.units(), kPackedUnits), [&](int64_t piece) {
      const int64_t begin = piece * kPackedUnits;
      PackA(gemm, begin, std::min(gemm.units(), begin + kPackedUnits), a);
    });
  }
  const int64_t panels = PiecesOf(gemm.n, kNR);
  const int64_t blocks = RowBlocksOf(context, gemm.m, panels);
  const int64_t height = PiecesOf(PiecesOf(gemm.m, blocks), kMR) * kMR;
  ForEachPiece(context, panels * blocks, [&](int64_t piece) {
    const int64_t panel = piece / blocks, begin = piece % blocks * height;
    MultiplyPanel(gemm, a, PanelOf(gemm, b, panel), panel, begin, std::min(gemm.m, begin + height));
  });
}

// How many numbers a packed panel of B has, some of which only fill units and columns up.
template <typename Number>
int64_t NumbersOfPanel(const Gemm<Number>& gemm) {
  return PanelSizeOfB(gemm) * Gemm<Number>::kInUnit;
}

// Whether a matrix is what PrepackB makes of B.
template <typename Number>
bool IsPrepacked(const Tensor& matrix, const Gemm<Number>& gemm) {
  return matrix.dim_size(0) == PiecesOf(gemm.n, kNR) && matrix.dim_size(1) == NumbersOfPanel(gemm) &&
         reinterpret_cast<uintptr_t>(matrix.data()) % 64 == 0;
}

template <typename Number>
class MatMul : public tensorflow::OpKernel {
 public:
  explicit MatMul(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("transpose_a", &transpose_a_));
    OP_REQUIRES_OK(context, context->GetAttr("transpose_b", &transpose_b_));
    OP_REQUIRES_OK(context, context->GetAttr("packed_columns", &packed_columns_));
    OP_REQUIRES(context, HasOwnGemm(), absl::UnimplementedError("ClipTsMatMul needs AVX512-BF16"));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &a = context->input(0), &b = context->input(1);
    const bool is_packed = packed_columns_ > 0;
    OP_REQUIRES(context, a.dims() == 2 && b.dims() == 2, absl::InvalidArgumentError("not two matrices"));
    const int64_t m = a.dim_size(transpose_a_ ? 1 : 0), k = a.dim_size(transpose_a_ ? 0 : 1);
    const int64_t n = is_packed ? packed_columns_ : b.dim_size(transpose_b_ ? 0 : 1);
    Gemm<Number> gemm{static_cast<const Number*>(a.data()), static_cast<const Number*>(b.data()), nullptr,
                      m, n, k, transpose_a_, transpose_b_};
    OP_REQUIRES(context, is_packed ? IsPrepacked(b, gemm) : b.dim_size(transpose_b_ ? 1 : 0) == k,
                absl::InvalidArgumentError("the length of rows and columns differs"));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {m, n}, &y));
    if (m == 0 || n == 0) return;
    gemm.c = static_cast<Number*>(y->data());
    Tensor packed;
    uint32_t* packed_a = nullptr;
    if (gemm.packs_a()) {
      OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_UINT32, {PackedSizeOfA(gemm)}, &packed));
      packed_a = packed.flat<uint32_t>().data();
    }
    Multiply(context, gemm, packed_a, is_packed ? static_cast<const uint32_t*>(b.data()) : nullptr);
  }

 private:
  bool transpose_a_, transpose_b_;
  int64_t packed_columns_;
};

// All panels of a B that lies as [n, k].
template <typename Number>
class PrepackB : public tensorflow::OpKernel {
 public:
  explicit PrepackB(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES(context, HasOwnGemm(), absl::UnimplementedError("ClipTsPrepackB needs AVX512-BF16"));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 2, absl::InvalidArgumentError("only a matrix can be packed"));
    const Gemm<Number> gemm{nullptr, static_cast<const Number*>(x.data()), nullptr, 0,
                            x.dim_size(0), x.dim_size(1), false, true};
    const int64_t panels = PiecesOf(gemm.n, kNR);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {panels, NumbersOfPanel(gemm)}, &y));
    auto* packed = static_cast<uint32_t*>(y->data());
    ForEachPiece(context, panels,
                 [&](int64_t panel) { PackB(gemm, panel, packed + panel * PanelSizeOfB(gemm)); });
  }
};

REGISTER_OP(kMatMulOp)
    .Input("a: T")
    .Input("b: T")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .Attr("transpose_a: bool = false")
    .Attr("transpose_b: bool = false")
    .Attr("packed_columns: int = 0")
    .SetShapeFn([](InferenceContext* context) {
      int64_t columns = 0;
      bool transpose_a = false;
      TF_RETURN_IF_ERROR(context->GetAttr("packed_columns", &columns));
      TF_RETURN_IF_ERROR(context->GetAttr("transpose_a", &transpose_a));
      if (columns == 0) return tensorflow::shape_inference::MatMulShape(context);
      ShapeHandle a;
      TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 2, &a));
      context->set_output(0, context->Matrix(context->Dim(a, transpose_a ? 1 : 0), columns));
      return tensorflow::OkStatus();
    })
    .Doc("C = A B, summed in 32 bits. With packed_columns, b is what ClipTsPrepackB made of a matrix of "
         "so many columns.");

REGISTER_OP(kPrepackBOp)
    .Input("x: T")
    .Output("y: T")
    .Attr("T: {float, bfloat16}")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->UnknownShapeOfRank(2));
      return tensorflow::OkStatus();
    })
    .Doc("A matrix that lies as [n, k], packed into the panels that ClipTsMatMul reads.");

REGISTER_KERNEL_BUILDER(Name(kMatMulOp).Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"),
                        MatMul<float>);
REGISTER_KERNEL_BUILDER(
    Name(kMatMulOp).Device(tensorflow::DEVICE_CPU).TypeConstraint<tensorflow::bfloat16>("T"),
    MatMul<uint16_t>);
REGISTER_KERNEL_BUILDER(Name(kPrepackBOp).Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"),
                        PrepackB<float>);
REGISTER_KERNEL_BUILDER(
    Name(kPrepackBOp).Device(tensorflow::DEVICE_CPU).TypeConstraint<tensorflow::bfloat16>("T"),
    PrepackB<uint16_t>);

}  // namespace
}  // namespace clip_ts
