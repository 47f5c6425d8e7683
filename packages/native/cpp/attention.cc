// Attention without gradients: scores, softmax and the weighted sum of a head stay in the cache, and heads are
// read and written where the linear layers have them.
#include <vector>

#include "attention.h"
#include "parallel.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace clip_ts {
namespace {

using tensorflow::OpInputList;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::shape_inference::InferenceContext;

class Attention : public tensorflow::OpKernel {
 public:
  explicit Attention(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("scale", &scale_));
    OP_REQUIRES(context, HasOwnGemm(), absl::UnimplementedError("ClipTsAttention needs AVX512-BF16"));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &q = context->input(0), &k = context->input(1), &v = context->input(2);
    OP_REQUIRES(context, q.dims() == 4 && k.dims() == 4 && k.shape() == v.shape() && AreAlike(q, k),
                absl::InvalidArgumentError("not [batch, tokens, heads, dim] of queries, keys and values"));
    AttentionSizes sizes{q.dim_size(0), q.dim_size(1), k.dim_size(1), q.dim_size(2), q.dim_size(3), scale_};
    AttentionArrays arrays{q.flat<float>().data(), k.flat<float>().data(), v.flat<float>().data()};
    OP_REQUIRES_OK(context, BindBiases(context, sizes, &arrays));
    OP_REQUIRES_OK(context, BindMask(context, sizes, &arrays));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, q.shape(), &y));
    if (y->NumElements() == 0) return;
    arrays.result = y->flat<float>().data();
    ForEachPiece(context, sizes.batch * sizes.heads, [&](int64_t piece) {
      AttendHead(sizes, arrays, piece / sizes.heads, piece % sizes.heads);
    });
  }

 private:
  static bool AreAlike(const Tensor& q, const Tensor& k) {
    return q.dim_size(0) == k.dim_size(0) && q.dim_size(2) == k.dim_size(2) && q.dim_size(3) == k.dim_size(3);
  }

  static tensorflow::Status BindBiases(OpKernelContext* context, const AttentionSizes& sizes,
                                       AttentionArrays* arrays) {
    OpInputList biases;
    TF_RETURN_IF_ERROR(context->input_list("biases", &biases));
    for (int at = 0; at < biases.size(); ++at) {
      if (at > 2 || biases[at].NumElements() != sizes.heads * sizes.dim) {
        return absl::InvalidArgumentError("a bias of attention does not fit");
      }
      arrays->biases[at] = biases[at].flat<float>().data();
    }
    return tensorflow::OkStatus();
  }

  // A mask is [queries, keys] or [batch, 1, queries, keys]; any side but the last may be 1.
  static tensorflow::Status BindMask(OpKernelContext* context, const AttentionSizes& sizes,
                                     AttentionArrays* arrays) {
    OpInputList masks;
    TF_RETURN_IF_ERROR(context->input_list("masks", &masks));
    if (masks.size() == 0) return tensorflow::OkStatus();
    const Tensor& mask = masks[0];
    const int dims = mask.dims();
    const int64_t batch = dims == 4 ? mask.dim_size(0) : 1, rows = dims < 2 ? 0 : mask.dim_size(dims - 2);
    const bool fits = (dims == 2 || (dims == 4 && mask.dim_size(1) == 1)) && (batch == 1 || batch == sizes.batch) &&
                      (rows == 1 || rows == sizes.queries) && mask.dim_size(dims - 1) == sizes.keys;
    if (!fits) return absl::InvalidArgumentError("a mask of attention does not fit");
    arrays->mask = mask.flat<float>().data();
    arrays->mask_row = rows == 1 ? 0 : sizes.keys;
    arrays->mask_batch = batch == 1 ? 0 : rows * sizes.keys;
    return tensorflow::OkStatus();
  }

  float scale_;
};

REGISTER_OP(kAttentionOp)
    .Input("q: float")
    .Input("k: float")
    .Input("v: float")
    .Input("biases: bias_count * float")
    .Input("masks: mask_count * float")
    .Output("y: float")
    .Attr("bias_count: int >= 0")
    .Attr("mask_count: int >= 0")
    .Attr("scale: float")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->input(0));
      return tensorflow::OkStatus();
    })
    .Doc("softmax(scale (q + bias) (k + bias)^T + mask) (v + bias) of each head of [batch, tokens, heads, dim].");

REGISTER_KERNEL_BUILDER(Name(kAttentionOp).Device(tensorflow::DEVICE_CPU), Attention);

}  // namespace
}  // namespace clip_ts
