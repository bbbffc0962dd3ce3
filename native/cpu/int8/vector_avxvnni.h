// 256-bit vpdpbusd: four unsigned codes times four signed weights are added to a lane, without saturation.
#pragma once
#include "vector_256.h"

namespace lowbit {
namespace {

struct Vector : Vector256 {
  using Code = uint8_t;
  using Weight = int8_t;
  static constexpr int kGroup = 4;

  static INLINE Int dot(Int sums, Int codes, Int weights) { return _mm256_dpbusd_avx_epi32(sums, codes, weights); }

  // Codes of kGroup taps, channel by channel, to groups of one channel's taps: vector q has channels 16·(lane / 4) + 4·q + lane % 4.
  static INLINE void interleave(Int (&x)[kGroup]) {
    const Int low01 = _mm256_unpacklo_epi8(x[0], x[1]), high01 = _mm256_unpackhi_epi8(x[0], x[1]);
    const Int low23 = _mm256_unpacklo_epi8(x[2], x[3]), high23 = _mm256_unpackhi_epi8(x[2], x[3]);
    x[0] = _mm256_unpacklo_epi16(low01, low23);
    x[1] = _mm256_unpackhi_epi16(low01, low23);
    x[2] = _mm256_unpacklo_epi16(high01, high23);
    x[3] = _mm256_unpackhi_epi16(high01, high23);
  }
  // Back to channel by channel: the first `count` channels of vectors in that order.
  static INLINE void storeInterleaved(uint8_t* y, const Int (&q)[kGroup], int64_t count) {
    const Int byte = _mm256_set1_epi32(255);
    const Int words01 = _mm256_packus_epi32(_mm256_and_si256(q[0], byte), _mm256_and_si256(q[1], byte));
    const Int words23 = _mm256_packus_epi32(_mm256_and_si256(q[2], byte), _mm256_and_si256(q[3], byte));
    const Int bytes = _mm256_packus_epi16(words01, words23);
    if (count >= 32) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), bytes);
    uint8_t all[32];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(all), bytes);
    for (int64_t i = 0; i < count; i++) y[i] = all[i];
  }
};

}  // namespace
}  // namespace lowbit
