// Quotients by one number, correctly rounded, in four products instead of a division (which takes a 512-bit unit eight clocks).
//
// With 1/d = high + low, q = x·high + x·low has an error below one unit in the last place, so that x − q·d is exact, and q + (x − q·d)·high
// is x/d correctly rounded (Markstein, 1990). Where an exponent is so far out that a step might not be exact, and for -0, vectors are
// divided.
#pragma once
#include "vector.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)
// Is every number +0, or of a size between 2^-60 and 2^60?
INLINE bool areUsual(Vector x) {
  constexpr int32_t kLeast = 0x21800000, kMost = 0x5d800000;  // those powers of two
  const __m512i bits = _mm512_castps_si512(x), size = _mm512_and_si512(bits, _mm512_set1_epi32(INT32_MAX));
  const __m512i above = _mm512_sub_epi32(size, _mm512_set1_epi32(kLeast));
  return !_mm512_mask_test_epi32_mask(_mm512_cmpgt_epu32_mask(above, _mm512_set1_epi32(kMost - kLeast)), bits, bits);
}
#else
INLINE bool areUsual(Vector x) {
  const Vector size = _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(INT32_MAX)));
  const Vector zero = _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_castps_si256(x), _mm256_setzero_si256()));
  const Vector within = _mm256_and_ps(_mm256_cmp_ps(size, repeat(0x1p-60f), _CMP_GE_OQ), _mm256_cmp_ps(size, repeat(0x1p60f), _CMP_LE_OQ));
  return _mm256_movemask_ps(_mm256_or_ps(zero, within)) == 255;
}
#endif

struct Divisor {
  Vector divisor, high, low;
  bool usual;

  INLINE explicit Divisor(float d) : divisor(repeat(d)), usual(d >= 0x1p-40f && d <= 0x1p40f) {
    const float first = 1 / d;
    high = repeat(first);
    low = repeat(__builtin_fmaf(-d, first, 1) / d);
  }
};

INLINE Vector operator/(Vector x, const Divisor& d) {
  if (!d.usual || !areUsual(x)) return x / d.divisor;
  const Vector q = multiplyAdd(x, d.high, x * d.low);
  return multiplyAdd(multiplyAdd(-q, d.divisor, x), d.high, q);
}

}  // namespace
}  // namespace lowbit
