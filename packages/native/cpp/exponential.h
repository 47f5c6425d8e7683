// e^x that compilers can run on vectors.
#ifndef CLIP_TS_EXPONENTIAL_H_
#define CLIP_TS_EXPONENTIAL_H_

#include <cmath>
#include <cstdint>

#include "processor.h"

namespace clip_ts {

CLIP_TS_INLINE float PowerOfTwo(int32_t exponent) {
  const int32_t bits = (exponent + 127) << 23;
  float number;
  __builtin_memcpy(&number, &bits, sizeof(number));
  return number;
}

// e^x by powers of two and a polynomial, to 2 units in the last place; NaN stays NaN.
CLIP_TS_INLINE float Exp(float x) {
  constexpr float least = -87.3f, most = 88.7f;
  float near = x > most ? most : x;
  near = near < least ? least : near;
  constexpr float to_integer = 12582912.0f;  // 1.5 * 2^23: what is added to it loses its fraction
  const float power = (near * 1.44269504f + to_integer) - to_integer;
  const float rest = (near - power * 0.693145752f) - power * 1.42860677e-6f;
  float sum = 1.0f / 5040;
  sum = sum * rest + 1.0f / 720;
  sum = sum * rest + 1.0f / 120;
  sum = sum * rest + 1.0f / 24;
  sum = sum * rest + 1.0f / 6;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1.0f;
  sum = sum * rest + 1.0f;
  // Two factors, for 2^128 alone would be infinite.
  const int32_t exponent = static_cast<int32_t>(power);
  const int32_t half = exponent >> 1;
  const float value = sum * PowerOfTwo(half) * PowerOfTwo(exponent - half);
  return x < least ? 0.0f : x > most ? INFINITY : value;
}

}  // namespace clip_ts

#endif  // CLIP_TS_EXPONENTIAL_H_
