// Vectors of floats for AVX-512 or AVX2, whichever the including file is compiled for; without either a vector is one float, which is what
// references compute with.
#pragma once
#include <immintrin.h>

#include "../../core/fused.h"

namespace lowbit {
namespace {

// Asks for a cache line that will be needed soon; any address will do.
INLINE void fetch(const float* p) { __builtin_prefetch(p, 0, 3); }

// The same to the second-level cache.
INLINE void fetchFar(const float* p) { __builtin_prefetch(p, 0, 2); }

#if defined(__AVX512F__)

using Vector = __m512;
constexpr int kWidth = 16;

INLINE Vector load(const float* p) { return _mm512_loadu_ps(p); }
INLINE Vector repeat(float x) { return _mm512_set1_ps(x); }
INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }
// Of a NaN and another number, both return b.
INLINE Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
INLINE Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
// a < b ? yes : no
INLINE Vector ifLess(Vector a, Vector b, Vector yes, Vector no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
// a is NaN ? yes : no
INLINE Vector ifNaN(Vector a, Vector yes, Vector no) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), no, yes); }

// The first `count` lanes of a vector; all of them if there are more.
struct Lanes {
  __mmask16 mask;
  INLINE explicit Lanes(int64_t count) : mask(count < kWidth ? static_cast<__mmask16>((1u << count) - 1) : 0xffff) {}
  INLINE Vector load(const float* p) const { return _mm512_maskz_loadu_ps(mask, p); }
  INLINE void store(float* p, Vector x) const { _mm512_mask_storeu_ps(p, mask, x); }
  INLINE Vector select(Vector x, Vector others) const { return _mm512_mask_blend_ps(mask, others, x); }
};

#elif defined(__AVX2__)

using Vector = __m256;
constexpr int kWidth = 8;

INLINE Vector load(const float* p) { return _mm256_loadu_ps(p); }
INLINE Vector repeat(float x) { return _mm256_set1_ps(x); }
INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return _mm256_fmadd_ps(a, b, sum); }
INLINE Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
INLINE Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
INLINE Vector ifLess(Vector a, Vector b, Vector yes, Vector no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
INLINE Vector ifNaN(Vector a, Vector yes, Vector no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, a, _CMP_UNORD_Q)); }

// The first `count` lanes of a vector; all of them if there are more. Masked stores are slow on some CPUs, so whole vectors avoid them.
struct Lanes {
  bool whole;
  __m256i mask;
  INLINE explicit Lanes(int64_t count) : whole(count >= kWidth) {
    mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(whole ? kWidth : static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  INLINE Vector load(const float* p) const { return whole ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, mask); }
  INLINE void store(float* p, Vector x) const {
    if (whole) _mm256_storeu_ps(p, x);
    else _mm256_maskstore_ps(p, mask, x);
  }
  INLINE Vector select(Vector x, Vector others) const { return _mm256_blendv_ps(others, x, _mm256_castsi256_ps(mask)); }
};

#else

using Vector = float;
constexpr int kWidth = 1;

INLINE Vector repeat(float x) { return x; }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return fused(a, b, sum); }
INLINE Vector larger(Vector a, Vector b) { return a > b ? a : b; }
INLINE Vector smaller(Vector a, Vector b) { return a < b ? a : b; }
INLINE Vector ifLess(Vector a, Vector b, Vector yes, Vector no) { return a < b ? yes : no; }
INLINE Vector ifNaN(Vector a, Vector yes, Vector no) { return a != a ? yes : no; }

#endif

// min(max(x, low), high); NaN stays
INLINE Vector clipped(Vector x, Vector low, Vector high) { return smaller(high, larger(low, x)); }

}  // namespace
}  // namespace lowbit
