// Lines of float32 along the last axis, in vectors: their largest element and the sum of their exponentials.
#pragma once
#include "functions.h"
#include "interleavedSums.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)
INLINE float largestLane(Vector x) { return _mm512_reduce_max_ps(x); }
#else
INLINE float largestLane(Vector x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)), two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
#endif

// -infinity for a line of nothing or NaN
INLINE float largestOf(const float* x, int64_t n) {
  Vector most[kSlots];
  each<kSlots>([&](auto slot) { most[slot] = repeat(-INFINITY); });
  eachVector(n, [&](auto slot, int64_t at, const Lanes& lanes) {
    most[slot] = larger(lanes.select(lanes.load(x + at), repeat(-INFINITY)), most[slot]);
  });
  each<kSlots - 1>([&](auto slot) { most[0] = larger(most[0], most[slot + 1]); });
  return largestLane(most[0]);
}

// Σ e^(x − most), keeping the exponentials in `powers` if there is such a place
INLINE double sumOfPowers(const float* x, int64_t n, float most, float* powers) {
  Sums sums;
  eachVector(n, [&](auto slot, int64_t at, const Lanes& lanes) {
    const Vector power = lanes.select(exponential(lanes.load(x + at) - repeat(most)), repeat(0));
    if (powers) lanes.store(powers + at, power);
    sums.add(slot, widen(power));
  });
  return sums.total();
}

}  // namespace
}  // namespace lowbit
