#include <immintrin.h>

#include "signs_rows.h"

namespace lowbit {
namespace {

// Comparisons give bits; numbers beyond `count` are not read.
struct Compare {
  static INLINE uint64_t signs(const float* x, float zero, int64_t count) {
    const __m512 bound = _mm512_set1_ps(zero);
    const uint64_t mask = firstBits(count);
    uint64_t bits = 0;
    for (int i = 0; i < 64 && i < count; i += 16) {
      const __mmask16 known = static_cast<__mmask16>(mask >> i);
      bits |= static_cast<uint64_t>(_mm512_mask_cmp_ps_mask(known, _mm512_maskz_loadu_ps(known, x + i), bound, _CMP_GE_OQ)) << i;
    }
    return bits;
  }
  static INLINE uint64_t signs(const uint8_t* x, uint8_t zero, int64_t count) {
    const __mmask64 known = firstBits(count);
    return _mm512_mask_cmpge_epu8_mask(known, _mm512_maskz_loadu_epi8(known, x), _mm512_set1_epi8(static_cast<char>(zero)));
  }
  static INLINE uint64_t signs(const int8_t* x, int8_t zero, int64_t count) {
    const __mmask64 known = firstBits(count);
    return _mm512_mask_cmpge_epi8_mask(known, _mm512_maskz_loadu_epi8(known, x), _mm512_set1_epi8(zero));
  }
};

}  // namespace

bool packSigns_avx512(const packSigns_call& c) { return packSigns<Compare>(c); }

}  // namespace lowbit
