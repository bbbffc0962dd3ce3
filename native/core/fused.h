// a·b + c, rounded once, where there may be no instruction for it: the C library takes 50 ns then.
//
// The product of two floats is exact in double. Its sum with a third, s, is rounded, and rounding that to float gives what rounding once
// does: the exact sum and s lie on one side of the middle between two floats, unless s is that middle. Then, where s is too small for a
// normal float, so that middles lie elsewhere, and for NaN, whose bits are to be those of an instruction, the library is asked.
#pragma once
#include "view.h"
#if !defined(LOWBIT_CARD)
#include <emmintrin.h>
#include <string.h>
#endif

namespace lowbit {

float fusedAnywhere(float a, float b, float c);

namespace {

INLINE double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }

#if defined(__FMA__) || defined(LOWBIT_CARD)

INLINE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

#else

INLINE float fused(float a, float b, float c) { return fusedAnywhere(a, b, c); }

// Of four, in SSE2.
INLINE __m128 fused(__m128 a, __m128 b, __m128 c) {
  const auto sumOf = [](__m128 p, __m128 q, __m128 r) { return _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(p), _mm_cvtps_pd(q)), _mm_cvtps_pd(r)); };
  const auto upper = [](__m128 x) { return _mm_movehl_ps(x, x); };
  const __m128d first = sumOf(a, b, c), second = sumOf(upper(a), upper(b), upper(c));
  const __m128 p = _mm_castpd_ps(first), q = _mm_castpd_ps(second);
  const __m128i low = _mm_castps_si128(_mm_shuffle_ps(p, q, _MM_SHUFFLE(2, 0, 2, 0)));
  const __m128i high = _mm_and_si128(_mm_castps_si128(_mm_shuffle_ps(p, q, _MM_SHUFFLE(3, 1, 3, 1))), _mm_set1_epi32(0x7fffffff));
  const __m128i middle = _mm_cmpeq_epi32(_mm_and_si128(low, _mm_set1_epi32(0x1fffffff)), _mm_set1_epi32(0x10000000));
  const __m128i small = _mm_and_si128(_mm_cmpgt_epi32(_mm_set1_epi32(0x38100000), high), _mm_cmpgt_epi32(high, _mm_setzero_si128()));
  const __m128i notANumber = _mm_cmpgt_epi32(high, _mm_set1_epi32(0x7ff00000));
  if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(middle, small), notANumber)) == 0)
    return _mm_movelh_ps(_mm_cvtpd_ps(first), _mm_cvtpd_ps(second));
  for (int i = 0; i < 4; i++) c[i] = fused(a[i], b[i], c[i]);
  return c;
}

#endif

}  // namespace
}  // namespace lowbit
