// Sums of two tensors of codes of one shape (a residual connection), 64 at a time.
#include <immintrin.h>

#include "../../core/arithmetic.h"
#include "../../core/unroll.h"
#include "../../cpu/pool.h"
#include "sum.h"

namespace lowbit {
namespace {

struct Operand {
  const uint8_t* codes;
  bool isSigned;
  __m512 multiplier;

  INLINE Operand(const View& view, float by)
      : codes(view.as<uint8_t>()), isSigned(view.dtype == Dtype::int8), multiplier(_mm512_set1_ps(by)) {}
  INLINE __m512 plus(int64_t i, __m512 sum) const {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
    const __m512i wide = isSigned ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(wide), multiplier, sum);
  }
};

struct Sums {
  Operand a, b;
  __m512 constant, low, high;

  INLINE Sums(const qadd_call& c, const CodeSum& sum)
      : a(c.a, sum.ma),
        b(c.b, sum.mb),
        constant(_mm512_set1_ps(sum.constant)),
        low(_mm512_set1_ps(sum.requantize.low)),
        high(_mm512_set1_ps(sum.requantize.high)) {}
  INLINE __m512i rounded(int64_t i) const {
    const __m512 v = a.plus(i, b.plus(i, constant));
    return _mm512_cvtps_epi32(_mm512_max_ps(_mm512_min_ps(v, high), low));
  }
};

// Codes fit 8 bits after the clamp, so that neither of the packing steps changes one.
template <bool SIGNED> INLINE __m512i packed(const Sums& sums, int64_t i) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i lanes[4];
  each<4>([&](auto part) { lanes[part] = sums.rounded(i + 16 * part); });
  const __m512i first = _mm512_packs_epi32(lanes[0], lanes[1]), second = _mm512_packs_epi32(lanes[2], lanes[3]);
  return _mm512_permutexvar_epi32(order, SIGNED ? _mm512_packs_epi16(first, second) : _mm512_packus_epi16(first, second));
}

template <bool SIGNED> void addCodes(const Sums& sums, uint8_t* y, int64_t begin, int64_t end) {
  int64_t i = begin;
  for (; i + 64 <= end; i += 64) _mm512_storeu_si512(y + i, packed<SIGNED>(sums, i));
  for (; i < end; i += 16) {
    const __mmask16 left = end - i >= 16 ? 0xffff : static_cast<__mmask16>((1u << (end - i)) - 1);
    _mm_mask_storeu_epi8(y + i, left, _mm512_cvtepi32_epi8(sums.rounded(i)));
  }
}

}  // namespace

bool qadd_avx512(const qadd_call& c) {
  EXPECT(isCode(c.a) && isCode(c.b) && isCode(c.y));
  if (c.a.rank != c.b.rank) return false;
  for (int i = 0; i < c.a.rank; i++)
    if (c.a.shape[i] != c.b.shape[i]) return false;
  const Sums sums(c, CodeSum(c));
  uint8_t* y = c.y.as<uint8_t>();
  parallel(c.y.size(), 65536, [&](int64_t begin, int64_t end) {
    if (c.y.dtype == Dtype::int8) addCodes<true>(sums, y, begin, end);
    else addCodes<false>(sums, y, begin, end);
  });
  return true;
}

}  // namespace lowbit
