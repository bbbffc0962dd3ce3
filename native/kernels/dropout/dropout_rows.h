// Dropout of float32 with the random words of many Philox blocks at once: a 64-bit lane holds one word of one block in its low half, the
// products that a round needs are then single instructions. Multiplications are the limit.
#pragma once
#include "../../cpu/f32/vector.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "mask.h"

namespace lowbit {
namespace {

constexpr int kBlocks = kWidth / 2;  // Philox blocks at once, of four elements each

#if defined(__AVX512F__)

using Longs = __m512i;
INLINE Longs repeatLong(uint64_t x) { return _mm512_set1_epi64(static_cast<int64_t>(x)); }
// Blocks in the order in which `words` finds neighbours.
INLINE Longs blocksFrom(int64_t first) { return _mm512_add_epi64(_mm512_set1_epi64(first), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7)); }
INLINE Longs product(Longs a, Longs b) { return _mm512_mul_epu32(a, b); }
INLINE Longs upper(Longs a) { return _mm512_srli_epi64(a, 32); }
INLINE Longs pair(Longs low, Longs high) { return _mm512_mask_blend_epi32(0xaaaa, low, _mm512_slli_epi64(high, 32)); }
INLINE Longs evenLongs(Longs a, Longs b) { return _mm512_unpacklo_epi64(a, b); }
INLINE Longs oddLongs(Longs a, Longs b) { return _mm512_unpackhi_epi64(a, b); }
INLINE Vector keepFrom(Longs words, uint32_t least, Vector x) {
  return _mm512_maskz_mov_ps(_mm512_cmpge_epu32_mask(words, _mm512_set1_epi32(static_cast<int32_t>(least))), x);
}

#else

using Longs = __m256i;
INLINE Longs repeatLong(uint64_t x) { return _mm256_set1_epi64x(static_cast<int64_t>(x)); }
INLINE Longs blocksFrom(int64_t first) { return _mm256_add_epi64(_mm256_set1_epi64x(first), _mm256_setr_epi64x(0, 2, 1, 3)); }
INLINE Longs product(Longs a, Longs b) { return _mm256_mul_epu32(a, b); }
INLINE Longs upper(Longs a) { return _mm256_srli_epi64(a, 32); }
INLINE Longs pair(Longs low, Longs high) { return _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0xaa); }
INLINE Longs evenLongs(Longs a, Longs b) { return _mm256_unpacklo_epi64(a, b); }
INLINE Longs oddLongs(Longs a, Longs b) { return _mm256_unpackhi_epi64(a, b); }
INLINE Vector keepFrom(Longs words, uint32_t least, Vector x) {
  const __m256i kept = _mm256_cmpeq_epi32(_mm256_max_epu32(words, _mm256_set1_epi32(static_cast<int32_t>(least))), words);
  return _mm256_and_ps(x, _mm256_castsi256_ps(kept));
}

#endif

// Random words for the elements of blocks first, first + 1, ...: two vectors of them.
struct Words {
  Longs low, high;
};

INLINE Words wordsOf(const DropoutMask& mask, int64_t first) {
  const Longs a = repeatLong(0xD2511F53), b = repeatLong(0xCD9E8D57);
  const Longs blocks = blocksFrom(first);
  Longs c0 = blocks, c1 = upper(blocks), c2 = repeatLong(mask.step), c3 = repeatLong(mask.stream);
  uint32_t key0 = mask.key0, key1 = mask.key1;
  // Only the low halves of lanes are read; what the upper ones hold does not matter.
  for (int round = 0; round < 10; round++) {
    const Longs p = product(a, c0), q = product(b, c2);
    c0 = upper(q) ^ c1 ^ repeatLong(key0);
    c1 = q;
    c2 = upper(p) ^ c3 ^ repeatLong(key1);
    c3 = p;
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  const Longs left = pair(c0, c1), right = pair(c2, c3);
  return {evenLongs(left, right), oddLongs(left, right)};
}

bool dropoutVectors(const dropoutTraining_call& c) {
  if (c.x.dtype != Dtype::float32) return false;
  EXPECT(c.x.size() == c.y.size());
  const DropoutMask mask(c.state, c.stream, c.rate);
  const float* x = c.x.as<float>();
  float* y = c.y.as<float>();
  const Vector factor = repeat(static_cast<float>(1 / (1 - static_cast<double>(c.rate))));
  parallel(c.x.size(), 4096, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 4 * kBlocks) {
      const Words words = wordsOf(mask, i / 4);
      const Lanes low(end - i);
      low.store(y + i, keepFrom(words.low, mask.least, low.load(x + i) * factor));
      if (i + kWidth >= end) break;
      const Lanes high(end - i - kWidth);
      high.store(y + i + kWidth, keepFrom(words.high, mask.least, high.load(x + i + kWidth) * factor));
    }
  });
  return true;
}

}  // namespace
}  // namespace lowbit
