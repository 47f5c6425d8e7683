// One parameter's AdamW step in one pass over memory, and sums of squares of gradients in either type.
#include <cmath>
#include <vector>

#include "constants.h"
#include "parallel.h"
#include "processor.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/resource_mgr.h"
#include "tensorflow/core/framework/resource_var.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace clip_ts {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::Var;
using tensorflow::bfloat16;

constexpr int64_t kPiece = 65536;

// What is the same for all numbers of a parameter.
struct Rule {
  float beta1, beta2, eps, clip, decay, step_size, second_root;
};

// The arrays of a piece; `rounded` may be absent.
template <typename Gradient>
struct Arrays {
  float *param, *first, *second;
  const Gradient* gradient;
  uint16_t* rounded;
};

CLIP_TS_INLINE float AsFloat(float number) { return number; }
CLIP_TS_INLINE float AsFloat(uint16_t bits) { return Widened(bits); }

// Loshchilov and Hutter 2019, algorithm 2, of a gradient that is clipped first.
template <typename Gradient>
CLIP_TS_INLINE void Update(const Rule& rule, const Arrays<Gradient>& arrays, int64_t count) {
  float* __restrict param = arrays.param;
  float* __restrict first = arrays.first;
  float* __restrict second = arrays.second;
  const Gradient* __restrict gradient = arrays.gradient;
  for (int64_t i = 0; i < count; ++i) {
    const float slope = AsFloat(gradient[i]) * rule.clip;
    const float mean = first[i] + (slope - first[i]) * (1 - rule.beta1);
    const float square = second[i] + (slope * slope - second[i]) * (1 - rule.beta2);
    const float direction = mean / (std::sqrt(square) / rule.second_root + rule.eps);
    first[i] = mean;
    second[i] = square;
    param[i] = param[i] * rule.decay - direction * rule.step_size;
  }
  uint16_t* __restrict rounded = arrays.rounded;
  if (rounded == nullptr) return;
  for (int64_t i = 0; i < count; ++i) rounded[i] = Rounded(param[i]);
}

CLIP_TS_FOR_EACH_PROCESSOR
void UpdateFloats(const Rule& rule, const Arrays<float>& arrays, int64_t count) {
  Update(rule, arrays, count);
}

CLIP_TS_FOR_EACH_PROCESSOR
void UpdateRounded(const Rule& rule, const Arrays<uint16_t>& arrays, int64_t count) {
  Update(rule, arrays, count);
}

// Memory of the variable that nobody else reads any longer: values that were read before stay as they were.
template <typename Number>
tensorflow::Status OwnMemory(OpKernelContext* context, Var* variable, Number** memory) {
  Tensor* tensor = variable->tensor();
  if (!tensor->RefCountIsOne()) {
    Tensor own;
    TF_RETURN_IF_ERROR(context->allocate_temp(tensor->dtype(), tensor->shape(), &own));
    std::copy_n(static_cast<const char*>(tensor->data()), tensor->TotalBytes(),
                static_cast<char*>(own.data()));
    *tensor = own;
  }
  *memory = static_cast<Number*>(tensor->data());
  return tensorflow::OkStatus();
}

class AdamW : public tensorflow::OpKernel {
 public:
  explicit AdamW(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("beta1", &rule_.beta1));
    OP_REQUIRES_OK(context, context->GetAttr("beta2", &rule_.beta2));
    OP_REQUIRES_OK(context, context->GetAttr("eps", &rule_.eps));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& gradient = context->input(0);
    Rule rule = rule_;
    rule.clip = context->input(1).scalar<float>()();
    rule.decay = context->input(2).scalar<float>()();
    rule.step_size = context->input(3).scalar<float>()();
    rule.second_root = context->input(4).scalar<float>()();
    const int variables = context->num_inputs() - 5;
    std::vector<tensorflow::core::RefCountPtr<Var>> held(variables);
    std::vector<tensorflow::mutex_lock> locks;
    locks.reserve(variables);
    std::vector<void*> memory(variables);
    for (int at = 0; at < variables; ++at) {
      const auto& handle = tensorflow::HandleFromInput(context, 5 + at);
      OP_REQUIRES_OK(context, tensorflow::LookupResource(context, handle, &held[at]));
      locks.emplace_back(*held[at]->mu());
      OP_REQUIRES(context, held[at]->tensor()->NumElements() == gradient.NumElements(),
                  absl::InvalidArgumentError("a gradient must be as large as its parameter"));
      OP_REQUIRES_OK(context, OwnMemory(context, held[at].get(), &memory[at]));
    }
    void* rounded = variables == 4 ? memory[3] : nullptr;
    if (gradient.dtype() == tensorflow::DT_FLOAT) {
      Run<float>(context, rule, memory, rounded, UpdateFloats);
    } else {
      Run<uint16_t>(context, rule, memory, rounded, UpdateRounded);
    }
  }

 private:
  template <typename Gradient, typename Update>
  static void Run(OpKernelContext* context, const Rule& rule, const std::vector<void*>& memory,
                  void* rounded, Update update) {
    const Tensor& gradient = context->input(0);
    const auto* slopes = static_cast<const Gradient*>(gradient.data());
    const int64_t count = gradient.NumElements();
    ForEachPiece(context, (count + kPiece - 1) / kPiece, [&](int64_t piece) {
      const int64_t begin = piece * kPiece;
      const auto at = [&](int index) { return static_cast<float*>(memory[index]) + begin; };
      auto* bf16 = rounded == nullptr ? nullptr : static_cast<uint16_t*>(rounded) + begin;
      const Arrays<Gradient> arrays{at(0), at(1), at(2), slopes + begin, bf16};
      update(rule, arrays, std::min(kPiece, count - begin));
    });
  }

  Rule rule_;
};

template <typename Number>
CLIP_TS_INLINE double SquaresOf(const Number* numbers, int64_t count) {
  constexpr int lanes = 16;
  float sums[lanes] = {};
  const int64_t whole = count - count % lanes;
  for (int64_t i = 0; i < whole; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) {
      const float number = AsFloat(numbers[i + lane]);
      sums[lane] += number * number;
    }
  }
  double sum = 0;
  for (int64_t i = whole; i < count; ++i) sum += AsFloat(numbers[i]) * AsFloat(numbers[i]);
  for (const float lane : sums) sum += lane;
  return sum;
}

CLIP_TS_FOR_EACH_PROCESSOR
double SquaresOfFloats(const float* numbers, int64_t count) { return SquaresOf(numbers, count); }

CLIP_TS_FOR_EACH_PROCESSOR
double SquaresOfRounded(const uint16_t* numbers, int64_t count) { return SquaresOf(numbers, count); }

class SumOfSquares : public tensorflow::OpKernel {
 public:
  explicit SumOfSquares(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const int64_t count = x.NumElements();
    const bool is_wide = x.dtype() == tensorflow::DT_FLOAT;
    // Pieces are as long on every machine, so that the sum is the same on each number of threads.
    std::vector<double> sums((count + kPiece - 1) / kPiece);
    ForEachPiece(context, sums.size(), [&](int64_t piece) {
      const int64_t begin = piece * kPiece;
      const int64_t length = std::min(kPiece, count - begin);
      sums[piece] = is_wide ? SquaresOfFloats(static_cast<const float*>(x.data()) + begin, length)
                            : SquaresOfRounded(static_cast<const uint16_t*>(x.data()) + begin, length);
    });
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {}, &y));
    double sum = 0;
    for (const double part : sums) sum += part;
    y->scalar<float>()() = static_cast<float>(sum);
  }
};

REGISTER_OP(kAdamwOp)
    .Input("gradient: T")
    .Input("clip: float")
    .Input("decay: float")
    .Input("step_size: float")
    .Input("second_root: float")
    .Input("variables: N * resource")
    .Attr("T: {float, bfloat16}")
    .Attr("N: int >= 3")
    .Attr("beta1: float")
    .Attr("beta2: float")
    .Attr("eps: float")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc("Moves a parameter, its two moments and, if there is a fourth variable, its bfloat16 copy.");

REGISTER_OP(kSumOfSquaresOp)
    .Input("x: T")
    .Output("y: float")
    .Attr("T: {float, bfloat16}")
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc("The sum of the squares of all numbers.");

REGISTER_KERNEL_BUILDER(Name(kAdamwOp).Device(tensorflow::DEVICE_CPU), AdamW);
REGISTER_KERNEL_BUILDER(Name(kSumOfSquaresOp).Device(tensorflow::DEVICE_CPU), SumOfSquares);

}  // namespace
}  // namespace clip_ts
