// Sums of products for references: each step of a sum is rounded once.
#pragma once
#include "fused.h"

namespace lowbit {
namespace {

constexpr int kTogether = 8;

// Sums side by side: add(x, w, at) adds x·w[j][at] to sum j. Eight, because a step of one sum waits long for the step before.
template <class T> struct FusedSums {
  T sums[kTogether];

  INLINE explicit FusedSums(const T* from) { memcpy(sums, from, sizeof sums); }
  INLINE void add(T x, const T* const* w, int64_t at) {
    for (int j = 0; j < kTogether; j++) sums[j] = fused(x, w[j][at], sums[j]);
  }
  INLINE void store(T* to) const { memcpy(to, sums, sizeof sums); }
};

#if !defined(__FMA__)
template <> struct FusedSums<float> {
  __m128 sums[2];

  INLINE explicit FusedSums(const float* from) : sums{_mm_loadu_ps(from), _mm_loadu_ps(from + 4)} {}
  INLINE void add(float x, const float* const* w, int64_t at) {
    sums[0] = fused(_mm_set1_ps(x), _mm_setr_ps(w[0][at], w[1][at], w[2][at], w[3][at]), sums[0]);
    sums[1] = fused(_mm_set1_ps(x), _mm_setr_ps(w[4][at], w[5][at], w[6][at], w[7][at]), sums[1]);
  }
  INLINE void store(float* to) const {
    _mm_storeu_ps(to, sums[0]);
    _mm_storeu_ps(to + 4, sums[1]);
  }
};
#endif

}  // namespace
}  // namespace lowbit
