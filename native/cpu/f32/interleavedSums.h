// Sums over lines of floats in the order of core/interleaved.h.
#pragma once
#include "../../core/interleaved.h"
#include "../../core/unroll.h"
#include "wide.h"

namespace lowbit {
namespace {

constexpr int kSlots = kInterleaved / kWidth;

// body(slot, at, lanes) for the vectors of a line of n floats, first to last: the vector at element `at` is number `slot` of its sixteen
// elements, and `lanes` of it lie inside the line.
template <class F> INLINE void eachVector(int64_t n, F&& body) {
  int64_t i = 0;
  for (; i + kInterleaved <= n; i += kInterleaved) each<kSlots>([&](auto slot) { body(slot, i + slot * kWidth, Lanes(kWidth)); });
  each<kSlots>([&](auto slot) {
    const int64_t at = i + slot * kWidth;
    if (at < n) body(slot, at, Lanes(n - at));
  });
}

// InterleavedSum in vectors; lanes beyond the line have to be 0.
struct Sums {
  Wide part[kSlots];

  INLINE Sums() {
    each<kSlots>([&](auto slot) { part[slot] = repeatWide(0); });
  }
  INLINE void add(int slot, Wide x) { part[slot] = part[slot] + x; }
  INLINE void addProduct(int slot, Wide a, Wide b) { part[slot] = multiplyAdd(a, b, part[slot]); }
  // Partial sums 8, 4, 2 and 1 apart are added, as by foldInterleaved.
  INLINE double total() const {
#if defined(__AVX512F__)
    const Doubles eight = part[0].low + part[0].high;
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
#else
    const __m256d four = (part[0].low + part[1].low) + (part[0].high + part[1].high);
#endif
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
  }
};

}  // namespace
}  // namespace lowbit
