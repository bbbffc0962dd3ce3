// Sums of float32 in vectors of doubles: 32 lanes of neighbours, or a column a lane with the sums of up to eight vectors in registers.
// Reading memory is the limit.
#pragma once
#include <immintrin.h>

#include "../../core/unroll.h"
#include "sums.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)
using Doubles = __m512d;
constexpr int kDoubles = 8;
INLINE Doubles widen(const float* p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
INLINE Doubles load(const double* p) { return _mm512_loadu_pd(p); }
INLINE void store(double* p, Doubles x) { _mm512_storeu_pd(p, x); }
INLINE Doubles sum(Doubles a, Doubles b) { return _mm512_add_pd(a, b); }
INLINE __m256d halved(Doubles x) { return _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1)); }
#else
using Doubles = __m256d;
constexpr int kDoubles = 4;
INLINE Doubles widen(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
INLINE Doubles load(const double* p) { return _mm256_loadu_pd(p); }
INLINE void store(double* p, Doubles x) { _mm256_storeu_pd(p, x); }
INLINE Doubles sum(Doubles a, Doubles b) { return _mm256_add_pd(a, b); }
INLINE __m256d halved(Doubles x) { return x; }
#endif

constexpr int kLanes = 32, kShortRun = 64, kTile = 8;

// Lanes j and j + 16, then j and j + 8, ... j and j + 1.
INLINE double folded(Doubles (&sums)[kLanes / kDoubles]) {
  constexpr int kVectors = kLanes / kDoubles;
  if constexpr (kVectors == 8) each<4>([&](auto j) { sums[j] = sum(sums[j], sums[j + 4]); });
  each<2>([&](auto j) { sums[j] = sum(sums[j], sums[j + 2]); });
  const __m256d four = halved(sum(sums[0], sums[1]));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

double sumRun(double state, const float* p, int64_t n) {
  if (n < kShortRun) {
    for (int64_t i = 0; i < n; i++) state += static_cast<double>(p[i]);
    return state;
  }
  constexpr int kVectors = kLanes / kDoubles;
  Doubles sums[kVectors];
  each<kVectors>([&](auto j) { sums[j] = widen(p + kDoubles * j); });
  int64_t i = kLanes;
  for (; i + kLanes <= n; i += kLanes) each<kVectors>([&](auto j) { sums[j] = sum(sums[j], widen(p + i + kDoubles * j)); });
  if (i == n) return state + folded(sums);
  double lanes[kLanes];
  each<kVectors>([&](auto j) { store(lanes + kDoubles * j, sums[j]); });
  for (int j = 0; i + j < n; j++) lanes[j] += static_cast<double>(p[i + j]);
  for (int half = kLanes / 2; half; half /= 2)
    for (int j = 0; j < half; j++) lanes[j] += lanes[j + half];
  return state + lanes[0];
}

// Vectors past the last column are read, as far as a buffer's slack allows, and their sums are not used.
template <int N> void sumTile(double* sums, const float* p, int64_t n, int64_t step) {
  Doubles tile[N];
  each<N>([&](auto j) { tile[j] = load(sums + kDoubles * j); });
  for (int64_t i = 0; i < n; i++, p += step) each<N>([&](auto j) { tile[j] = sum(tile[j], widen(p + kDoubles * j)); });
  each<N>([&](auto j) { store(sums + kDoubles * j, tile[j]); });
}

void sumRows(double* sums, const float* p, int64_t n, int64_t step, int64_t columns) {
  for (int64_t column = 0; column < columns; column += kTile * kDoubles) {
    const int64_t vectors = (columns - column + kDoubles - 1) / kDoubles;
    each<kTile>([&](auto j) {
      if (j + 1 == kTile ? vectors >= kTile : vectors == j + 1) sumTile<j + 1>(sums + column, p + column, n, step);
    });
  }
}

constexpr SumLoops loops{sumRun, sumRows};

}  // namespace
}  // namespace lowbit
