// What the two kinds of 256-bit rows have in common: eight int32 or float lanes.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "../../core/levels.h"
#include "../../core/unroll.h"

namespace lowbit {
namespace {

struct Vector256 {
  using Int = __m256i;
  using Float = __m256;
  static constexpr bool kPacksFour = false;
  static constexpr int kNeighbours = 2;            // outputs of a depthwise convolution at a time
  static constexpr int kLanes = 8, kTileRows = 6;  // 6 × 2 sums, 2 weights and a product fill 16 registers

  static INLINE Int zero() { return _mm256_setzero_si256(); }
  static INLINE Int load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static INLINE void storeInts(int32_t* p, Int x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
  static INLINE Float loadFloats(const float* p) { return _mm256_loadu_ps(p); }
  static INLINE Int repeat(int32_t x) { return _mm256_set1_epi32(x); }
  static INLINE Float repeat(float x) { return _mm256_set1_ps(x); }
  // Four bytes in every lane.
  static INLINE Int broadcast(const void* p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
  }
  static INLINE Int add(Int a, Int b) { return _mm256_add_epi32(a, b); }
  static INLINE Float scaled(Int sums, Float scale) { return _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale); }
  static INLINE Int requantize(Float v, Float low, Float high, Int zeroPoint) {
    return _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(v, high), low)), zeroPoint);
  }

  // What decoding takes. words: 32 bits of a row in each lane.
  static INLINE Int words(const LaneRows<kLanes>& rows, int64_t byte) {
    return _mm256_setr_epi32(rows.word(0, byte), rows.word(1, byte), rows.word(2, byte), rows.word(3, byte), rows.word(4, byte),
                             rows.word(5, byte), rows.word(6, byte), rows.word(7, byte));
  }
  static INLINE Int shiftRight(Int x, int bits) { return _mm256_srli_epi32(x, bits); }
  static INLINE Int shiftLeft(Int x, int bits) { return _mm256_slli_epi32(x, bits); }
  static INLINE Int both(Int a, Int b) { return _mm256_and_si256(a, b); }
  static INLINE Int either(Int a, Int b) { return _mm256_or_si256(a, b); }
  // table[bytes], of 16 bytes
  static INLINE Int repeatTable(const int8_t* table) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  }
  static INLINE Int lookup(Int table, Int bytes) { return _mm256_shuffle_epi8(table, bytes); }
  static INLINE int32_t total(Int sums) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
  }

  // Stores the first `count` lanes, codes as their low bytes.
  static INLINE void storeFloats(float* y, Float v, int64_t count) {
    if (count >= kLanes) return _mm256_storeu_ps(y, v);
    const Int lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(y, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(count)), lanes), v);
  }
  static INLINE void storeCodes(uint8_t* y, Int q, int64_t count) {
    const Int low = _mm256_and_si256(q, _mm256_set1_epi32(255));
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    storeBytes(y, _mm_packus_epi16(words, words), count < kLanes ? count : kLanes);
  }
  static INLINE void storeBytes(uint8_t* y, __m128i bytes, int64_t count) {
    if (count == 8) return _mm_storel_epi64(reinterpret_cast<__m128i*>(y), bytes);
    uint8_t all[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(all), bytes);
    for (int64_t i = 0; i < count; i++) y[i] = all[i];
  }
};

// Bytes as they are, four of them in a group.
struct ByteVector256 : Vector256 {
  using Code = uint8_t;
  using Weight = int8_t;
  static constexpr int kGroup = 4;

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
