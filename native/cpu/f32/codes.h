// Vectors of floats and codes for AVX-512 or AVX2, whichever the including file is compiled for. A count of kWidth or more is a whole
// vector; stores of fewer write no more.
#pragma once
#include "vector.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)

using Codes = __m512i;

INLINE Vector clamped(Vector v, Vector low, Vector high) { return _mm512_max_ps(_mm512_min_ps(v, high), low); }
// 0 where x is NaN.
INLINE Vector orZero(Vector x) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x); }
// x where low <= v <= high, else 0.
INLINE Vector whereWithin(Vector v, Vector low, Vector high, Vector x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, low, _CMP_GE_OQ) & _mm512_cmp_ps_mask(v, high, _CMP_LE_OQ), x);
}

INLINE Codes loadZeros(const int32_t* p) { return _mm512_loadu_si512(p); }
INLINE Codes repeatCode(int32_t x) { return _mm512_set1_epi32(x); }
INLINE Codes plus(Codes a, Codes b) { return _mm512_add_epi32(a, b); }
INLINE Codes minus(Codes a, Codes b) { return _mm512_sub_epi32(a, b); }
INLINE Codes rounded(Vector x) { return _mm512_cvtps_epi32(x); }
INLINE Vector real(Codes x) { return _mm512_cvtepi32_ps(x); }
INLINE Codes loadCodes(const uint8_t* p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
INLINE Codes loadCodes(const int8_t* p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
INLINE void storeCodes(uint8_t* p, Codes x, int64_t count) {
  if (count >= kWidth) _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  else _mm512_mask_cvtepi32_storeu_epi8(p, static_cast<__mmask16>((1u << count) - 1), x);
}

#else

using Codes = __m256i;

INLINE Vector clamped(Vector v, Vector low, Vector high) { return _mm256_max_ps(_mm256_min_ps(v, high), low); }
// 0 where x is NaN.
INLINE Vector orZero(Vector x) { return _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q)); }
// x where low <= v <= high, else 0.
INLINE Vector whereWithin(Vector v, Vector low, Vector high, Vector x) {
  return _mm256_and_ps(x, _mm256_and_ps(_mm256_cmp_ps(v, low, _CMP_GE_OQ), _mm256_cmp_ps(v, high, _CMP_LE_OQ)));
}

INLINE Codes loadZeros(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
INLINE Codes repeatCode(int32_t x) { return _mm256_set1_epi32(x); }
INLINE Codes plus(Codes a, Codes b) { return _mm256_add_epi32(a, b); }
INLINE Codes minus(Codes a, Codes b) { return _mm256_sub_epi32(a, b); }
INLINE Codes rounded(Vector x) { return _mm256_cvtps_epi32(x); }
INLINE Vector real(Codes x) { return _mm256_cvtepi32_ps(x); }
INLINE Codes loadCodes(const uint8_t* p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
INLINE Codes loadCodes(const int8_t* p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
INLINE void storeCodes(uint8_t* p, Codes x, int64_t count) {
  const __m256i low = _mm256_and_si256(x, _mm256_set1_epi32(255));
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  const __m128i bytes = _mm_packus_epi16(words, words);
  if (count >= kWidth) return _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bytes);
  uint8_t all[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(all), bytes);
  for (int64_t i = 0; i < count; i++) p[i] = all[i];
}

#endif

// core/rounding.h: ties to even, and -0 becomes 0.
INLINE Vector roundHalfEven(Vector v) { return (v + repeat(12582912.0f)) - repeat(12582912.0f); }

}  // namespace
}  // namespace lowbit
