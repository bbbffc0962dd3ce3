// 32-bit words, a lane each, of which some bits are a small number.
#pragma once
#include "vector.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)

using Words = __m512i;
// Lane i has the 32 bits at p + i·step; lanes from `count` on repeat the last.
INLINE Words loadWords(const uint8_t* p, int64_t step, int64_t count) {
  const Words last = _mm512_set1_epi32(static_cast<int>(count < kWidth ? count - 1 : kWidth));
  const Words lane = _mm512_min_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), last);
  return _mm512_i32gather_epi32(_mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(step))), p, 1);
}
INLINE Words shiftRight(Words x, int bits) { return _mm512_srli_epi32(x, static_cast<unsigned>(bits)); }
INLINE Vector maskedNumbers(Words x, int mask) { return _mm512_cvtepi32_ps(_mm512_and_si512(x, _mm512_set1_epi32(mask))); }
INLINE Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }

#else

using Words = __m256i;
INLINE Words loadWords(const uint8_t* p, int64_t step, int64_t count) {
  const Words last = _mm256_set1_epi32(static_cast<int>(count < kWidth ? count - 1 : kWidth));
  const Words lane = _mm256_min_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), last);
  return _mm256_i32gather_epi32(reinterpret_cast<const int*>(p), _mm256_mullo_epi32(lane, _mm256_set1_epi32(static_cast<int>(step))), 1);
}
INLINE Words shiftRight(Words x, int bits) { return _mm256_srli_epi32(x, bits); }
INLINE Vector maskedNumbers(Words x, int mask) { return _mm256_cvtepi32_ps(_mm256_and_si256(x, _mm256_set1_epi32(mask))); }
INLINE Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }

#endif

}  // namespace
}  // namespace lowbit
