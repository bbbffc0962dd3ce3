// qlookup a vector of bytes at a time, in sixteen shuffles: the table is sixteen parts of sixteen bytes, and a part is asked for each
// code less the part's first. A byte shuffle gives 0 where the upper bit is set, which a saturated + 112 does for all but 0 to 15.
#pragma once
#include <immintrin.h>

#include "../../core/check.h"
#include "../../core/rounding.h"
#include "../../core/unroll.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

#if defined(__AVX512BW__)
using Bytes = __m512i;
INLINE Bytes loadBytes(const uint8_t* p) { return _mm512_loadu_si512(p); }
INLINE void storeBytes(uint8_t* p, Bytes x) { _mm512_storeu_si512(p, x); }
INLINE Bytes repeatByte(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
INLINE Bytes repeatPart(const uint8_t* p) { return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
INLINE Bytes lessSixteen(Bytes x) { return _mm512_sub_epi8(x, _mm512_set1_epi8(16)); }
INLINE Bytes flipped(Bytes x, Bytes by) { return _mm512_xor_si512(x, by); }
INLINE Bytes either(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
INLINE Bytes ofPart(Bytes part, Bytes x) { return _mm512_shuffle_epi8(part, _mm512_adds_epu8(x, _mm512_set1_epi8(112))); }
#else
using Bytes = __m256i;
INLINE Bytes loadBytes(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const Bytes*>(p)); }
INLINE void storeBytes(uint8_t* p, Bytes x) { _mm256_storeu_si256(reinterpret_cast<Bytes*>(p), x); }
INLINE Bytes repeatByte(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
INLINE Bytes repeatPart(const uint8_t* p) { return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
INLINE Bytes lessSixteen(Bytes x) { return _mm256_sub_epi8(x, _mm256_set1_epi8(16)); }
INLINE Bytes flipped(Bytes x, Bytes by) { return _mm256_xor_si256(x, by); }
INLINE Bytes either(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
INLINE Bytes ofPart(Bytes part, Bytes x) { return _mm256_shuffle_epi8(part, _mm256_adds_epu8(x, _mm256_set1_epi8(112))); }
#endif

bool lookUp(const qlookup_call& c) {
  EXPECT(isCode(c.x) && isCode(c.y) && c.table.size() == 256);
  const uint8_t *in = c.x.as<uint8_t>(), *table = c.table.as<uint8_t>(), flip = c.x.dtype == Dtype::int8 ? 128 : 0;
  uint8_t* out = c.y.as<uint8_t>();
  parallel(c.x.size(), 65536, [=](int64_t begin, int64_t end) {
    constexpr int64_t kCount = sizeof(Bytes);
    Bytes part[16];
    each<16>([&](auto h) { part[h] = repeatPart(table + 16 * h); });
    int64_t i = begin;
    for (; i + kCount <= end; i += kCount) {
      Bytes x = flipped(loadBytes(in + i), repeatByte(flip)), y = ofPart(part[0], x);
      each<15>([&](auto h) {
        x = lessSixteen(x);
        y = either(y, ofPart(part[h + 1], x));
      });
      storeBytes(out + i, y);
    }
    for (; i < end; i++) out[i] = table[in[i] ^ flip];
  });
  return true;
}

}  // namespace
}  // namespace lowbit
