// The register tile of sums of outer products: M rows by V vectors of y, both factors with one row a step.
//
//   y[m][j] = start + Σ left[step][m]·right[step][j]         one fused multiply-add a step, steps in order
//
// A step loads V vectors and broadcasts M floats that lie side by side; sums may go on where an earlier tile stopped.
// 14 x 2 sums fill the registers of AVX-512, 6 x 2 those of AVX2. The multiply-add ports are the limit.
#pragma once
#include "tile.h"

namespace lowbit {
namespace {

struct OuterTile {
  const float *left, *right;
  // Steps are `lines` x `length`: both operands move on by a step, and by a line where one ends.
  int64_t lines, length;
  int64_t leftStep, leftLine, rightStep, rightLine;
  bool fresh;  // sums begin at 0, else as `start`, behind which lie those of the next tile: they are fetched meanwhile
  const float* start;
  int64_t startStep;
  float* y;
  int64_t yStep;
  int64_t lanes;  // 1 to kPanel
  // Memory that will be needed later is fetched meanwhile, aheadStep floats a step.
  const float* ahead;
  int64_t aheadStep;
};

template <int M, int V> __attribute__((noinline)) void runOuterTile(const OuterTile& tile) {
  Vector sums[M * V];
  const Lanes last(tile.lanes - (V - 1) * kWidth);
  each<M>([&](auto m) {
    each<V>([&](auto v) {
      const float* from = tile.start + m * tile.startStep + v * kWidth;
      sums[m * V + v] = tile.fresh ? repeat(0) : load(from);
      if (!tile.fresh) fetch(from + M * tile.startStep);
    });
  });
  const int64_t leftStep = tile.leftStep, rightStep = tile.rightStep, aheadStep = tile.aheadStep;
  const float* ahead = tile.ahead;
  for (int64_t line = 0; line < tile.lines; line++) {
    const float *left = tile.left + line * tile.leftLine, *right = tile.right + line * tile.rightLine;
    for (int64_t k = 0; k < tile.length; k++, left += leftStep, right += rightStep, ahead += aheadStep) {
      fetch(ahead);
      Vector w[V];
      each<V>([&](auto v) { w[v] = load(right + v * kWidth); });
      each<M>([&](auto m) {
        const Vector a = repeat(left[m]);
        each<V>([&](auto v) { sums[m * V + v] = multiplyAdd(a, w[v], sums[m * V + v]); });
      });
    }
  }
  each<M>([&](auto m) {
    each<V>([&](auto v) {
      float* to = tile.y + m * tile.yStep + v * kWidth;
      if (v == V - 1) last.store(to, sums[m * V + v]);
      else Lanes(kWidth).store(to, sums[m * V + v]);
    });
  });
}

template <int V, int M = kRows> INLINE void runOuterTileOf(int64_t rows, const OuterTile& tile) {
  if (rows == M) runOuterTile<M, V>(tile);
  else if constexpr (M > 1) runOuterTileOf<V, M - 1>(rows, tile);
}

// rows: 1 to kRows
INLINE void runOuter(int64_t rows, const OuterTile& tile) {
  if (tile.lanes > kWidth) runOuterTileOf<2>(rows, tile);
  else runOuterTileOf<1>(rows, tile);
}

}  // namespace
}  // namespace lowbit
