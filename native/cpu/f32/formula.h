// Formulas are written once and run on one number or on a Vector, so that reference and vector rows round alike: + - * / are operators
// of both, and these are the functions. Vectors are here for files that are compiled for them.
#pragma once
#include "../../core/fused.h"
#if defined(__AVX2__)
#include "vector.h"
#endif

namespace lowbit {
namespace {

INLINE float root(float x) { return __builtin_sqrtf(x); }
INLINE double root(double x) { return __builtin_sqrt(x); }
// max(x, 0); NaN and -0 stay
INLINE float rectified(float x) { return x < 0 ? 0 : x; }
INLINE double rectified(double x) { return x < 0 ? 0 : x; }
// x where gate > 0, else 0
INLINE float gated(float gate, float x) { return gate > 0 ? x : 0; }
INLINE double gated(double gate, double x) { return gate > 0 ? x : 0; }

#if defined(__AVX2__)

INLINE Vector fused(Vector a, Vector b, Vector c) { return multiplyAdd(a, b, c); }
INLINE Vector fused(float a, Vector b, Vector c) { return multiplyAdd(repeat(a), b, c); }

#if defined(__AVX512F__)
INLINE Vector root(Vector x) { return _mm512_sqrt_ps(x); }
INLINE Vector rectified(Vector x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }
// As bits: a masked move would become a masked load of x, which waits for the gate before it reads memory.
INLINE Vector gated(Vector gate, Vector x) {
  const __mmask16 open = _mm512_cmp_ps_mask(gate, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_and_ps(_mm512_castsi512_ps(_mm512_movm_epi32(open)), x);
}
#else
INLINE Vector root(Vector x) { return _mm256_sqrt_ps(x); }
INLINE Vector rectified(Vector x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }
INLINE Vector gated(Vector gate, Vector x) { return _mm256_and_ps(_mm256_cmp_ps(gate, _mm256_setzero_ps(), _CMP_GT_OQ), x); }
#endif

#endif

}  // namespace
}  // namespace lowbit
