// What the two kinds of 256-bit rows have in common: eight int32 or float lanes.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "../../core/unroll.h"

namespace lowbit {
namespace {

struct Vector256 {
  using Int = __m256i;
  using Float = __m256;
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

}  // namespace
}  // namespace lowbit
