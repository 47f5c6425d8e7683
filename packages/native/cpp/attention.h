// Attention of one head, on processors that run our own GEMM.
#ifndef CLIP_TS_ATTENTION_H_
#define CLIP_TS_ATTENTION_H_

#include <cstdint>

#include "gemm.h"

namespace clip_ts {

struct AttentionSizes {
  int64_t batch, queries, keys, heads, dim;
  // What scores are multiplied by before the mask is added.
  float scale;
};

// Queries and the result lie as [batch, queries, heads, dim], keys and values as [batch, keys, heads, dim].
struct AttentionArrays {
  const float *queries, *keys, *values;
  float* result = nullptr;
  // Of queries, keys and values, [heads, dim] each, or null.
  const float* biases[3] = {nullptr, nullptr, nullptr};
  // Rows of the mask for each query, so far apart, and for each sequence; null if there is none.
  const float* mask = nullptr;
  int64_t mask_row = 0, mask_batch = 0;
};

// Writes what one head of one sequence sees.
void AttendHead(const AttentionSizes& sizes, const AttentionArrays& arrays, int64_t sequence, int64_t head);

}  // namespace clip_ts

#endif  // CLIP_TS_ATTENTION_H_
