// A vector of floats as doubles.
#pragma once
#include "vector.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)

using Doubles = __m512d;
struct Wide {
  Doubles low, high;
};
INLINE Doubles repeatDouble(double x) { return _mm512_set1_pd(x); }
INLINE Doubles loadDoubles(const double* p) { return _mm512_loadu_pd(p); }
INLINE void storeDoubles(double* p, Doubles x) { _mm512_storeu_pd(p, x); }
INLINE Doubles multiplyAddDoubles(Doubles a, Doubles b, Doubles sum) { return _mm512_fmadd_pd(a, b, sum); }
INLINE Wide widen(Vector x) { return {_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))}; }
INLINE Vector narrow(Wide x) { return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.low)), _mm512_cvtpd_ps(x.high), 1); }
// 0 in the lanes that do not count
INLINE Wide keep(const Lanes& lanes, Wide x) {
  return {_mm512_maskz_mov_pd(static_cast<__mmask8>(lanes.mask), x.low),
          _mm512_maskz_mov_pd(static_cast<__mmask8>(lanes.mask >> 8), x.high)};
}

#else

using Doubles = __m256d;
struct Wide {
  Doubles low, high;
};
INLINE Doubles repeatDouble(double x) { return _mm256_set1_pd(x); }
INLINE Doubles loadDoubles(const double* p) { return _mm256_loadu_pd(p); }
INLINE void storeDoubles(double* p, Doubles x) { _mm256_storeu_pd(p, x); }
INLINE Doubles multiplyAddDoubles(Doubles a, Doubles b, Doubles sum) { return _mm256_fmadd_pd(a, b, sum); }
INLINE Wide widen(Vector x) { return {_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))}; }
INLINE Vector narrow(Wide x) { return _mm256_set_m128(_mm256_cvtpd_ps(x.high), _mm256_cvtpd_ps(x.low)); }
INLINE Wide keep(const Lanes& lanes, Wide x) {
  if (lanes.whole) return x;
  const __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(lanes.mask)),
                high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(lanes.mask, 1));
  return {_mm256_and_pd(x.low, _mm256_castsi256_pd(low)), _mm256_and_pd(x.high, _mm256_castsi256_pd(high))};
}

#endif

constexpr int kDoubles = kWidth / 2;

INLINE Wide repeatWide(double x) { return {repeatDouble(x), repeatDouble(x)}; }
INLINE Wide loadWide(const double* p) { return {loadDoubles(p), loadDoubles(p + kDoubles)}; }
INLINE void storeWide(double* p, Wide x) {
  storeDoubles(p, x.low);
  storeDoubles(p + kDoubles, x.high);
}
INLINE Wide operator+(Wide a, Wide b) { return {a.low + b.low, a.high + b.high}; }
INLINE Wide operator-(Wide a, Wide b) { return {a.low - b.low, a.high - b.high}; }
INLINE Wide operator-(Wide x) { return {-x.low, -x.high}; }
INLINE Wide operator*(Wide a, Wide b) { return {a.low * b.low, a.high * b.high}; }
INLINE Wide multiplyAdd(Wide a, Wide b, Wide sum) {
  return {multiplyAddDoubles(a.low, b.low, sum.low), multiplyAddDoubles(a.high, b.high, sum.high)};
}

}  // namespace
}  // namespace lowbit
