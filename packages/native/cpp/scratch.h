// Memory for what one piece of work needs while it runs.
#ifndef CLIP_TS_SCRATCH_H_
#define CLIP_TS_SCRATCH_H_

#include <cstdint>
#include <memory>

namespace clip_ts {

// Room for so many values of 32 bits, of the thread's own and aligned to vectors. It grows to the largest ever
// asked for and stays; the next call on the thread gives the same memory.
template <typename Value>
Value* ScratchOf(int64_t count) {
  static_assert(sizeof(Value) == 4, "scratch memory is for values of 32 bits");
  constexpr int64_t aligned = 64 / sizeof(Value);
  thread_local std::unique_ptr<Value[]> memory;
  thread_local int64_t size = 0;
  if (size < count + aligned) {
    size = count + aligned;
    memory.reset(new Value[size]);
  }
  const auto address = reinterpret_cast<uintptr_t>(memory.get());
  return reinterpret_cast<Value*>((address + 63) / 64 * 64);
}

}  // namespace clip_ts

#endif  // CLIP_TS_SCRATCH_H_
