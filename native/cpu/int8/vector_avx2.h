// Exact products without VNNI: codes and weights widened to 16 bits, two of them in a group (vpmaddwd). The 8-bit vpmaddubsw would
// saturate at 255·127·2.
#pragma once
#include "vector_256.h"

namespace lowbit {
namespace {

struct Vector : Vector256 {
  using Code = int16_t;
  using Weight = int16_t;
  static constexpr int kGroup = 2;

  static INLINE Int dot(Int sums, Int codes, Int weights) { return _mm256_add_epi32(sums, _mm256_madd_epi16(codes, weights)); }

  // Codes of kGroup taps, channel by channel, to groups of one channel's taps: vector q has channels 8·(lane / 4) + 4·q + lane % 4.
  static INLINE void interleave(Int (&x)[kGroup]) {
    const Int first = _mm256_unpacklo_epi16(x[0], x[1]);
    x[1] = _mm256_unpackhi_epi16(x[0], x[1]);
    x[0] = first;
  }
  // Back to channel by channel: the first `count` channels of vectors in that order.
  static INLINE void storeInterleaved(uint8_t* y, const Int (&q)[kGroup], int64_t count) {
    const Int byte = _mm256_set1_epi32(255);
    const Int words = _mm256_packus_epi32(_mm256_and_si256(q[0], byte), _mm256_and_si256(q[1], byte));
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (count >= 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
    else storeBytes(y, bytes, count);
  }
};

// For weights of at most 4 bits, |w| <= 15, vpmaddubsw is exact: 2·255·15 fits 16 bits.
struct LowbitVector : ByteVector256 {
  static INLINE Int dot(Int sums, Int codes, Int weights) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, weights), _mm256_set1_epi16(1)));
  }
};

}  // namespace
}  // namespace lowbit
