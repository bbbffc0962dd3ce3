// Lines of float32 along the last axis, in vectors: their largest element and the sum of their exponentials.
#pragma once
#include "functions.h"
#include "interleavedSums.h"

namespace lowbit {
namespace {

// -infinity for a line of nothing or NaN
INLINE float largestOf(const float* x, int64_t n) {
  Vector most[kSlots];
  each<kSlots>([&](auto slot) { most[slot] = repeat(-INFINITY); });
  eachVector(n, [&](auto slot, int64_t at, const Lanes& lanes) {
    most[slot] = larger(lanes.select(lanes.load(x + at), repeat(-INFINITY)), most[slot]);
  });
  float all[kInterleaved], largest = -INFINITY;
  each<kSlots>([&](auto slot) { Lanes(kWidth).store(all + slot * kWidth, most[slot]); });
  for (float value : all) largest = value > largest ? value : largest;
  return largest;
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
