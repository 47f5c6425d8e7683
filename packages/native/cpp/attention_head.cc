#include "attention.h"

#include <algorithm>
#include <cmath>

#include "exponential.h"
#include "processor.h"
#include "scratch.h"

namespace clip_ts {
namespace {

// Tokens of one head: how many there are, and how far one is from the next.
struct Tokens {
  const float* numbers;
  const float* bias;
  int64_t count, stride, dim;
};

// Tokens as rows, with the bias added, times a factor; `width` numbers are written of each, zeros at the end.
CLIP_TS_FOR_EACH_PROCESSOR
void AsRows(const Tokens& tokens, float factor, int64_t width, float* to) {
  for (int64_t token = 0; token < tokens.count; ++token, to += width) {
    const float* from = tokens.numbers + token * tokens.stride;
    for (int64_t i = 0; i < tokens.dim; ++i) to[i] = factor * (tokens.bias ? from[i] + tokens.bias[i] : from[i]);
    std::fill(to + tokens.dim, to + width, 0.0f);
  }
}

// The same as columns, `width` of them; those without a token are zeros.
CLIP_TS_FOR_EACH_PROCESSOR
void AsColumns(const Tokens& tokens, int64_t width, float* to) {
  std::fill(to, to + tokens.dim * width, 0.0f);
  for (int64_t token = 0; token < tokens.count; ++token) {
    const float* from = tokens.numbers + token * tokens.stride;
    for (int64_t i = 0; i < tokens.dim; ++i) {
      to[i * width + token] = tokens.bias ? from[i] + tokens.bias[i] : from[i];
    }
  }
}

// Softmax of `count` scores with the mask added, if there is one.
CLIP_TS_FOR_EACH_PROCESSOR
void Softmax(float* scores, const float* mask, int64_t count) {
  float largest = -INFINITY, sum = 0;
  if (mask != nullptr) {
    for (int64_t i = 0; i < count; ++i) scores[i] += mask[i];
  }
  constexpr int lanes = 16;
  float parts[lanes];
  std::fill(parts, parts + lanes, -INFINITY);
  const int64_t whole = count - count % lanes;
  for (int64_t i = 0; i < whole; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) parts[lane] = std::max(parts[lane], scores[i + lane]);
  }
  for (int64_t i = whole; i < count; ++i) largest = std::max(largest, scores[i]);
  for (const float part : parts) largest = std::max(largest, part);
  for (int64_t i = 0; i < count; ++i) scores[i] = Exp(scores[i] - largest);
  std::fill(parts, parts + lanes, 0.0f);
  for (int64_t i = 0; i < whole; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) parts[lane] += scores[i + lane];
  }
  for (int64_t i = whole; i < count; ++i) sum += scores[i];
  for (const float part : parts) sum += part;
  const float factor = 1.0f / sum;
  for (int64_t i = 0; i < count; ++i) scores[i] *= factor;
}

}  // namespace

void AttendHead(const AttentionSizes& sizes, const AttentionArrays& arrays, int64_t sequence, int64_t head) {
  const int64_t queries = sizes.queries, keys = sizes.keys, dim = sizes.dim;
  const int64_t stride = sizes.heads * dim, within = head * dim;
  const auto tokens = [&](const float* numbers, int which, int64_t count) {
    const float* bias = arrays.biases[which];
    return Tokens{numbers + sequence * count * stride + within, bias ? bias + within : nullptr, count, stride, dim};
  };
  const int64_t key_width = PiecesOf(keys, kNR) * kNR, dim_width = PiecesOf(dim, kNR) * kNR;
  float* queries_as_rows = ScratchOf<float>(queries * (dim + key_width) + kNR * (dim + keys) + 32);
  float* scores = queries_as_rows + PiecesOf(queries * dim, 16) * 16;
  float* panel = scores + queries * key_width;
  AsRows(tokens(arrays.queries, 0, queries), sizes.scale, dim, queries_as_rows);
  for (int64_t first = 0; first < key_width; first += kNR) {
    Tokens part = tokens(arrays.keys, 1, keys);
    part.numbers += first * stride;
    part.count = std::min(kNR, keys - first);
    AsColumns(part, kNR, panel);
    MultiplyStrided({queries_as_rows, dim, queries, dim, panel, scores + first, key_width, kNR});
  }
  const float* mask = arrays.mask ? arrays.mask + sequence * arrays.mask_batch : nullptr;
  for (int64_t query = 0; query < queries; ++query) {
    Softmax(scores + query * key_width, mask ? mask + query * arrays.mask_row : nullptr, keys);
  }
  float* result = arrays.result + sequence * queries * stride + within;
  for (int64_t first = 0; first < dim_width; first += kNR) {
    Tokens part = tokens(arrays.values, 2, keys);
    part.numbers += first;
    part.bias = part.bias ? part.bias + first : nullptr;
    part.dim = std::min(kNR, dim - first);
    AsRows(part, 1.0f, kNR, panel);
    MultiplyStrided({scores, key_width, queries, keys, panel, result + first, stride, part.dim});
  }
}

}  // namespace clip_ts
