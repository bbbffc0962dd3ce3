// The lanes of a Vector as doubles, in two halves.
#pragma once
#include "vector.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)

using Doubles = __m512d;
INLINE Doubles lowHalf(Vector x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
INLINE Doubles highHalf(Vector x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }
INLINE Doubles loadDoubles(const double* p) { return _mm512_loadu_pd(p); }
INLINE void storeDoubles(double* p, Doubles x) { _mm512_storeu_pd(p, x); }
INLINE Doubles fused(Doubles a, Doubles b, Doubles c) { return _mm512_fmadd_pd(a, b, c); }

#else

using Doubles = __m256d;
INLINE Doubles lowHalf(Vector x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
INLINE Doubles highHalf(Vector x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
INLINE Doubles loadDoubles(const double* p) { return _mm256_loadu_pd(p); }
INLINE void storeDoubles(double* p, Doubles x) { _mm256_storeu_pd(p, x); }
INLINE Doubles fused(Doubles a, Doubles b, Doubles c) { return _mm256_fmadd_pd(a, b, c); }

#endif

struct Wide {
  Doubles low, high;

  static INLINE Wide of(Vector x) { return {lowHalf(x), highHalf(x)}; }
  static INLINE Wide load(const double* p) { return {loadDoubles(p), loadDoubles(p + kWidth / 2)}; }
  INLINE void store(double* p) const {
    storeDoubles(p, low);
    storeDoubles(p + kWidth / 2, high);
  }
  INLINE void add(Wide x) {
    low += x.low;
    high += x.high;
  }
  INLINE void addProduct(Wide a, Wide b) {
    low = fused(a.low, b.low, low);
    high = fused(a.high, b.high, high);
  }
};

}  // namespace
}  // namespace lowbit
