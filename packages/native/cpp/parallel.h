// Work on TensorFlow's threads.
#ifndef CLIP_TS_PARALLEL_H_
#define CLIP_TS_PARALLEL_H_

#include <algorithm>
#include <cstdint>

#include "tensorflow/core/framework/op_kernel.h"

namespace clip_ts {

// Runs `piece(index)` for every index below `count` on TensorFlow's threads.
template <typename Piece>
void ForEachPiece(tensorflow::OpKernelContext* context, int64_t count, Piece piece) {
  if (count == 1) return piece(0);
  if (count == 0) return;
  auto* workers = context->device()->tensorflow_cpu_worker_threads()->workers;
  constexpr int64_t cycles_of_a_piece = 100000;
  workers->ParallelFor(count, cycles_of_a_piece, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) piece(index);
  });
}

}  // namespace clip_ts

#endif  // CLIP_TS_PARALLEL_H_
