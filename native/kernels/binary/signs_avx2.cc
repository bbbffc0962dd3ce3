#include <immintrin.h>

#include "signs_rows.h"

namespace lowbit {
namespace {

// The top bits of compared lanes; the last numbers of a row one by one.
struct Compare {
  template <class T> static INLINE uint64_t signs(const T* x, T zero, int64_t count) {
    uint64_t bits = 0;
    if (count == 64)
      for (int i = 0; i < 64; i += int{kAtOnce<T>}) bits |= static_cast<uint64_t>(some(x + i, zero)) << i;
    else
      for (int64_t i = 0; i < count; i++) bits |= static_cast<uint64_t>(x[i] >= zero) << i;
    return bits;
  }

 private:
  template <class T> static constexpr int kAtOnce = 32 / int{sizeof(T)};
  static INLINE __m256i load(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }

  static INLINE uint32_t some(const float* x, float zero) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x), _mm256_set1_ps(zero), _CMP_GE_OQ)));
  }
  // x >= zero where max(x, zero) is x
  static INLINE uint32_t some(const uint8_t* x, uint8_t zero) {
    const __m256i all = load(x), larger = _mm256_max_epu8(all, _mm256_set1_epi8(static_cast<char>(zero)));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, larger)));
  }
  static INLINE uint32_t some(const int8_t* x, int8_t zero) {
    const __m256i all = load(x), larger = _mm256_max_epi8(all, _mm256_set1_epi8(zero));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, larger)));
  }
};

}  // namespace

bool packSigns_avx2(const packSigns_call& c) { return packSigns<Compare>(c); }

}  // namespace lowbit
