// 512-bit vpdpbusd: four unsigned codes times four signed weights are added to a lane, without saturation.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "../../core/levels.h"
#include "../../core/unroll.h"

namespace lowbit {
namespace {

struct Vector {
  using Int = __m512i;
  using Float = __m512;
  using Code = uint8_t;
  using Weight = int8_t;
  static constexpr bool kPacksFour = true;
  static constexpr int kNeighbours = 3;  // outputs of a depthwise convolution at a time: 3 × 4 sums, 4 codes, 12 weights
  static constexpr int kLanes = 16, kGroup = 4, kTileRows = 14;  // 14 × 2 sums, 2 weights and the codes fill 31 of 32 registers

  static INLINE Int zero() { return _mm512_setzero_si512(); }
  static INLINE Int load(const void* p) { return _mm512_loadu_si512(p); }
  static INLINE void storeInts(int32_t* p, Int x) { _mm512_storeu_si512(p, x); }
  static INLINE Float loadFloats(const float* p) { return _mm512_loadu_ps(p); }
  static INLINE Int repeat(int32_t x) { return _mm512_set1_epi32(x); }
  static INLINE Float repeat(float x) { return _mm512_set1_ps(x); }
  // Four bytes in every lane.
  static INLINE Int broadcast(const void* p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  static INLINE Int add(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static INLINE Int dot(Int sums, Int codes, Int weights) { return _mm512_dpbusd_epi32(sums, codes, weights); }
  static INLINE Float scaled(Int sums, Float scale) { return _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale); }
  static INLINE Int requantize(Float v, Float low, Float high, Int zeroPoint) {
    return _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_max_ps(_mm512_min_ps(v, high), low)), zeroPoint);
  }

  // What decoding takes. words: 32 bits of a row in each lane.
  static INLINE Int words(const LaneRows<kLanes>& rows, int64_t byte) {
    return _mm512_setr_epi32(rows.word(0, byte), rows.word(1, byte), rows.word(2, byte), rows.word(3, byte), rows.word(4, byte),
                             rows.word(5, byte), rows.word(6, byte), rows.word(7, byte), rows.word(8, byte), rows.word(9, byte),
                             rows.word(10, byte), rows.word(11, byte), rows.word(12, byte), rows.word(13, byte), rows.word(14, byte),
                             rows.word(15, byte));
  }
  static INLINE Int shiftRight(Int x, int bits) { return _mm512_srli_epi32(x, static_cast<unsigned>(bits)); }
  static INLINE Int shiftLeft(Int x, int bits) { return _mm512_slli_epi32(x, static_cast<unsigned>(bits)); }
  static INLINE Int both(Int a, Int b) { return _mm512_and_si512(a, b); }
  static INLINE Int either(Int a, Int b) { return _mm512_or_si512(a, b); }
  // table[bytes], of 16 bytes
  static INLINE Int repeatTable(const int8_t* table) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  }
  static INLINE Int lookup(Int table, Int bytes) { return _mm512_shuffle_epi8(table, bytes); }
  static INLINE int32_t total(Int sums) { return _mm512_reduce_add_epi32(sums); }

  // Stores the first `count` lanes, codes as their low bytes.
  static INLINE void storeFloats(float* y, Float v, int64_t count) { _mm512_mask_storeu_ps(y, lanes(count), v); }
  static INLINE void storeCodes(uint8_t* y, Int q, int64_t count) { _mm_mask_storeu_epi8(y, lanes(count), _mm512_cvtepi32_epi8(q)); }
  static INLINE __mmask16 lanes(int64_t count) { return count >= 16 ? 0xffff : static_cast<__mmask16>((1u << count) - 1); }

  // Four vectors of lanes at a time become 64 codes: saturating instructions are the lower clamp.
  static INLINE Int rounded(Float v, Float high) { return _mm512_cvtps_epi32(_mm512_min_ps(v, high)); }
  struct Packing {
    Int zeroPoint, least, order;
    bool isSigned;
    INLINE Packing(int32_t zero, int32_t lowest, bool codesAreSigned)
        : zeroPoint(_mm512_set1_epi16(static_cast<int16_t>(zero))),
          least(_mm512_set1_epi8(static_cast<int8_t>(lowest))),
          order(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)),
          isSigned(codesAreSigned) {}
    // Instructions that pack work within 128 bits: each gets four lanes of every vector,
    INLINE Int withinParts(const Int (&lanes)[4]) const {
      const Int first = _mm512_adds_epi16(_mm512_packs_epi32(lanes[0], lanes[1]), zeroPoint);
      const Int second = _mm512_adds_epi16(_mm512_packs_epi32(lanes[2], lanes[3]), zeroPoint);
      return isSigned ? _mm512_max_epi8(_mm512_packs_epi16(first, second), least)
                      : _mm512_max_epu8(_mm512_packus_epi16(first, second), least);
    }
    // which `order` brings together again.
    INLINE Int operator()(const Int (&lanes)[4]) const { return _mm512_permutexvar_epi32(order, withinParts(lanes)); }
  };
  // Of 64 codes part PART of VECTORS·kLanes, its first `count`.
  template <int VECTORS, int PART> static INLINE void storePart(uint8_t* y, Int codes, int64_t count) {
    if constexpr (VECTORS == 1) {
      const __m128i part = _mm512_extracti32x4_epi32(codes, PART);
      if (count >= 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(y), part);
      else _mm_mask_storeu_epi8(y, lanes(count), part);
    } else {
      const __m256i part = _mm512_extracti64x4_epi64(codes, PART);
      if (count >= 32) _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), part);
      else _mm256_mask_storeu_epi8(y, (1u << count) - 1, part);
    }
  }

  // Codes of kGroup taps, channel by channel, to groups of one channel's taps: vector q has channels 16·(lane / 4) + 4·q + lane % 4.
  static INLINE void interleave(Int (&x)[kGroup]) {
    const Int low01 = _mm512_unpacklo_epi8(x[0], x[1]), high01 = _mm512_unpackhi_epi8(x[0], x[1]);
    const Int low23 = _mm512_unpacklo_epi8(x[2], x[3]), high23 = _mm512_unpackhi_epi8(x[2], x[3]);
    x[0] = _mm512_unpacklo_epi16(low01, low23);
    x[1] = _mm512_unpackhi_epi16(low01, low23);
    x[2] = _mm512_unpacklo_epi16(high01, high23);
    x[3] = _mm512_unpackhi_epi16(high01, high23);
  }
  // Codes of kColumns neighbours in kGroup rows that lie `stride` apart, to groups of one column's codes, as signed ones.
  static constexpr int kColumns = 16;
  static INLINE void interleaveRows(int8_t* to, const uint8_t* from, int64_t stride, uint8_t flip) {
    __m128i row[kGroup];
    each<kGroup>([&](auto i) { row[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * stride)); });
    const __m128i low01 = _mm_unpacklo_epi8(row[0], row[1]), high01 = _mm_unpackhi_epi8(row[0], row[1]);
    const __m128i low23 = _mm_unpacklo_epi8(row[2], row[3]), high23 = _mm_unpackhi_epi8(row[2], row[3]);
    const __m128i four[] = {_mm_unpacklo_epi16(low01, low23), _mm_unpackhi_epi16(low01, low23), _mm_unpacklo_epi16(high01, high23),
                            _mm_unpackhi_epi16(high01, high23)};
    const __m128i flips = _mm_set1_epi8(static_cast<char>(flip));
    each<4>([&](auto i) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * i), _mm_xor_si128(four[i], flips)); });
  }
  static INLINE uint32_t totalOf(const uint8_t* codes, int64_t count) {
    const Int ones = _mm512_set1_epi8(1);
    Int sums = zero();
    for (; count >= 64; codes += 64, count -= 64) sums = dot(sums, load(codes), ones);
    if (count) sums = dot(sums, _mm512_maskz_loadu_epi8((1ull << count) - 1, codes), ones);
    return static_cast<uint32_t>(total(sums));
  }
  // The first `count` of 64 codes.
  static INLINE void storeCodes64(uint8_t* y, Int codes, int64_t count) {
    if (count >= 64) _mm512_storeu_si512(y, codes);
    else _mm512_mask_storeu_epi8(y, (1ull << count) - 1, codes);
  }
};

// Weights of 4 bits need nothing else.
using LowbitVector = Vector;

}  // namespace
}  // namespace lowbit
