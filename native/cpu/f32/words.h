// 32-bit words, a lane each, of which some bits are a small number.
#pragma once
#include "../../core/levels.h"
#include "vector.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)

using Words = __m512i;
INLINE Words loadWords(const LaneRows<kWidth>& rows, int64_t byte) {
  return _mm512_setr_epi32(rows.word(0, byte), rows.word(1, byte), rows.word(2, byte), rows.word(3, byte), rows.word(4, byte),
                           rows.word(5, byte), rows.word(6, byte), rows.word(7, byte), rows.word(8, byte), rows.word(9, byte),
                           rows.word(10, byte), rows.word(11, byte), rows.word(12, byte), rows.word(13, byte), rows.word(14, byte),
                           rows.word(15, byte));
}
INLINE Words shiftRight(Words x, int bits) { return _mm512_srli_epi32(x, static_cast<unsigned>(bits)); }
INLINE Vector maskedNumbers(Words x, int mask) { return _mm512_cvtepi32_ps(_mm512_and_si512(x, _mm512_set1_epi32(mask))); }
INLINE Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }

#else

using Words = __m256i;
INLINE Words loadWords(const LaneRows<kWidth>& rows, int64_t byte) {
  return _mm256_setr_epi32(rows.word(0, byte), rows.word(1, byte), rows.word(2, byte), rows.word(3, byte), rows.word(4, byte),
                           rows.word(5, byte), rows.word(6, byte), rows.word(7, byte));
}
INLINE Words shiftRight(Words x, int bits) { return _mm256_srli_epi32(x, bits); }
INLINE Vector maskedNumbers(Words x, int mask) { return _mm256_cvtepi32_ps(_mm256_and_si256(x, _mm256_set1_epi32(mask))); }
INLINE Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }

#endif

}  // namespace
}  // namespace lowbit
