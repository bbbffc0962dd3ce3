// The register tile of float products and convolutions: M rows of y (matrix rows or pixels) by V vectors of outputs.
//
//   y[m][j] = finish(start[m][j] + Σ x[m][step]·panel[step][j])         one fused multiply-add a step, steps in order
//
// A step loads V vectors of the packed panel and broadcasts one x per row. 14 x 2 sums fill the 32 registers of AVX-512 and 6 x 2 the
// 16 of AVX2; at least 8 sums are needed to hide the latency of a multiply-add. The multiply-add ports are the limit.
#pragma once
#include "../../core/finish.h"
#include "../../core/unroll.h"
#include "vector.h"

namespace lowbit {
namespace {

constexpr int kRows = kWidth == 16 ? 14 : 6;
constexpr int kNarrowRows = kWidth == 16 ? 16 : 12;  // of a tile of one vector
constexpr int kPanel = 2 * kWidth;
constexpr int kAhead = 32;  // steps of a panel that are fetched ahead: weights that are used once a call come from far away

struct Tile {
  // Row m reads `rows` x `taps` runs of `length` consecutive floats: run (r, t) begins at x + m·xStep + r·rowStep + t·tapStep.
  const float* x;
  int64_t xStep, rows, rowStep, taps, tapStep, length;
  const float* panel;  // [rows·taps·length][panelWidth(outputs)]
  // Sums of row m begin as start + m·startStep: a bias (step 0), or where an earlier tile stopped; what lies behind is fetched meanwhile.
  const float* start;
  int64_t startStep;
  float* y;
  int64_t yStep;
  int64_t outputs;  // 1 to kPanel
  Finish<float> finish;
};

// Floats of one step of a panel: a panel of few outputs is one vector wide.
INLINE int64_t panelWidth(int64_t outputs) { return outputs > kWidth ? kPanel : kWidth; }

template <int M, int V> __attribute__((noinline)) void runTile(const Tile& tile) {
  Vector sums[M * V];
  const Lanes last(tile.outputs - (V - 1) * kWidth);
  each<M>([&](auto m) {
    each<V>([&](auto v) {
      const float* from = tile.start + m * tile.startStep + v * kWidth;
      sums[m * V + v] = v == V - 1 ? last.load(from) : load(from);
      if (tile.startStep) fetch(from + M * tile.startStep);
    });
  });
  const float* panel = tile.panel;
  for (int64_t r = 0; r < tile.rows; r++) {
    for (int64_t t = 0; t < tile.taps; t++) {
      const float* x = tile.x + r * tile.rowStep + t * tile.tapStep;
      for (int64_t k = 0; k < tile.length; k++, panel += V * kWidth) {
        Vector w[V];
        each<V>([&](auto v) {
          w[v] = load(panel + v * kWidth);
          fetch(panel + (kAhead * V + v) * kWidth);
        });
        each<M>([&](auto m) {
          const Vector a = repeat(x[m * tile.xStep + k]);
          each<V>([&](auto v) { sums[m * V + v] = multiplyAdd(a, w[v], sums[m * V + v]); });
        });
      }
    }
  }
  if (tile.finish.plus) {
    each<M>([&](auto m) {
      each<V>([&](auto v) {
        const float* plus = tile.finish.plus + m * tile.finish.step + v * kWidth;
        sums[m * V + v] = add(sums[m * V + v], v == V - 1 ? last.load(plus) : load(plus));
      });
    });
  }
  if (tile.finish.clips()) {
    const Vector low = repeat(tile.finish.low), high = repeat(tile.finish.high);
    each<M * V>([&](auto i) { sums[i] = clipped(sums[i], low, high); });
  }
  each<M>([&](auto m) {
    each<V>([&](auto v) {
      float* to = tile.y + m * tile.yStep + v * kWidth;
      if (v == V - 1) last.store(to, sums[m * V + v]);
      else Lanes(kWidth).store(to, sums[m * V + v]);
    });
  });
}

template <int V, int M> INLINE void runTileOf(int64_t rows, const Tile& tile) {
  if (rows == M) runTile<M, V>(tile);
  else if constexpr (M > 1) runTileOf<V, M - 1>(rows, tile);
}

// rows: 1 to kRows, or to kNarrowRows where there are at most kWidth outputs
INLINE void run(int64_t rows, const Tile& tile) {
  if (tile.outputs > kWidth) runTileOf<2, kRows>(rows, tile);
  else runTileOf<1, kNarrowRows>(rows, tile);
}

// `total` rows cut into tiles of nearly equal height, at most `most`.
struct Tiles {
  int64_t total, height, count;
  INLINE explicit Tiles(int64_t rows, int64_t most = kRows) : total(rows) {
    const int64_t least = (rows + most - 1) / most;
    height = least ? (rows + least - 1) / least : 1;
    count = (rows + height - 1) / height;
  }
  INLINE int64_t first(int64_t i) const { return i * height; }
  INLINE int64_t rows(int64_t i) const { return total - first(i) < height ? total - first(i) : height; }
};

}  // namespace
}  // namespace lowbit
