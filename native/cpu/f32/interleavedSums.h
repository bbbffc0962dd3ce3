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
  INLINE double total() const {
    double all[kInterleaved];
    each<kSlots>([&](auto slot) {
      storeDoubles(all + slot * kWidth, part[slot].low);
      storeDoubles(all + slot * kWidth + kDoubles, part[slot].high);
    });
    return foldInterleaved(all);
  }
};

}  // namespace
}  // namespace lowbit
