// float16 and bfloat16 as storage types: every kernel computes on them in float.
#pragma once
#include <stdint.h>
#include <string.h>

#include "view.h"

namespace lowbit {

struct half {
  uint16_t bits;
  half() = default;
  INLINE half(float x) : bits(encode(x)) {}  // NOLINT: implicit on purpose, it stands for a number
  INLINE operator float() const { return decode(bits); }

  static INLINE float decode(uint16_t h) {
    uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023, out;
    if (exponent == 31) {
      out = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent) {
      out = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else {
      float f = static_cast<float>(mantissa) * 5.9604644775390625e-8f;  // 2^-24
      memcpy(&out, &f, 4);
      out |= sign;
    }
    float f;
    memcpy(&f, &out, 4);
    return f;
  }
  // Round half to even; overflow becomes infinity, NaN stays NaN.
  static INLINE uint16_t encode(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    uint32_t sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24
      float f;
      memcpy(&f, &magnitude, 4);
      f = f * 16777216.0f + 12582912.0f;  // rounds to an integer in the low mantissa bits
      uint32_t r;
      memcpy(&r, &f, 4);
      return static_cast<uint16_t>(sign | (r & 0x7ff));
    }
    uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1);
    return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }
};

struct bhalf {
  uint16_t bits;
  bhalf() = default;
  INLINE bhalf(float x) : bits(encode(x)) {}  // NOLINT
  INLINE operator float() const {
    uint32_t u = static_cast<uint32_t>(bits) << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
  }
  static INLINE uint16_t encode(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40u);
    return static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1)) >> 16);
  }
};

}  // namespace lowbit
