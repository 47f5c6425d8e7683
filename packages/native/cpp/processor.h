// Loops that use what the processor has, and bfloat16.
#ifndef CLIP_TS_PROCESSOR_H_
#define CLIP_TS_PROCESSOR_H_

#include <cstdint>

// Each function marked so is compiled for several generations of x86 processors; the machine's own is taken
// when the library is loaded. What it calls must be inlined into it to be compiled with it.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLIP_TS_FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLIP_TS_FOR_EACH_PROCESSOR
#endif
#define CLIP_TS_INLINE inline __attribute__((always_inline))

namespace clip_ts {

// A number whose upper half is the bfloat16 at `bits`.
CLIP_TS_INLINE float Widened(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float number;
  __builtin_memcpy(&number, &wide, sizeof(number));
  return number;
}

// The nearest bfloat16, the even one of two; NaN stays NaN.
CLIP_TS_INLINE uint16_t Rounded(float number) {
  uint32_t bits;
  __builtin_memcpy(&bits, &number, sizeof(bits));
  const uint32_t nearest = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>(number == number ? nearest : 0x7fc0u);
}

}  // namespace clip_ts

#endif  // CLIP_TS_PROCESSOR_H_
