// One or two rows of floats by packed weights, decoded beside the multiplication instead of into panels. A block is kBlock vectors of
// outputs, whose sums stay in registers; each step decodes that many vectors of weights, which is the limit: more rows are better off with
// panels.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/unroll.h"
#include "../../cpu/f32/packLevels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int kBlock = 4;
constexpr int64_t kFewRowsGrain = 1 << 18;  // products worth a thread

// y[r][j] = bias[j] + Σ a[r][k]·w[j][k] for the outputs j from `first` on; k ascends, one fused multiply-add a step.
template <int ROWS> void multiplyRows(const gemm_call& c, const PackedRows& w, int64_t first) {
  const int64_t n = c.b.shape[0], k = c.b.shape[1];
  const float* a = c.a.as<float>();
  // Vectors past the last output repeat an output that exists, and are not stored.
  const auto outputOf = [=](int v) { return smaller(first + v * kWidth, n - 1); };
  const LaneRows<kWidth> rows[kBlock] = {w.rows(outputOf(0), n - outputOf(0)), w.rows(outputOf(1), n - outputOf(1)),
                                         w.rows(outputOf(2), n - outputOf(2)), w.rows(outputOf(3), n - outputOf(3))};
  Vector factor[kBlock], sums[ROWS * kBlock];
  each<kBlock>([&](auto v) {
    const Lanes lanes(n - outputOf(v));
    factor[v] = lanes.load(w.scale + outputOf(v));
    const Vector start = lanes.load(c.bias.as<float>() + outputOf(v));
    each<ROWS>([&](auto r) { sums[r * kBlock + v] = start; });
  });
  for (int64_t step = 0, end; step < k; step = end) {
    end = smaller(k, step + w.stepsInWord(step));
    Words codes[kBlock];
    each<kBlock>([&](auto v) { codes[v] = w.words(rows[v], step); });
    for (int64_t i = step; i < end; i++)
      each<kBlock>([&](auto v) {
        const Vector weights = w.weights(codes[v], factor[v]);
        codes[v] = shiftRight(codes[v], w.levels.bits);
        each<ROWS>([&](auto r) { sums[r * kBlock + v] = multiplyAdd(repeat(a[r * k + i]), weights, sums[r * kBlock + v]); });
      });
  }
  each<ROWS>([&](auto r) {
    each<kBlock>([&](auto v) {
      const int64_t at = first + v * kWidth;
      if (at < n) Lanes(n - at).store(c.y.as<float>() + r * n + at, sums[r * kBlock + v]);
    });
  });
}

// Declines more rows.
static bool fewRows(const gemm_call& c, const PackedRows& w) {
  const int64_t m = c.a.count(0, c.a.rank - 1), n = c.b.shape[0], k = c.b.shape[1];
  EXPECT(c.a.dim(-1) == k && c.bias.size() == n && c.y.size() == m * n);
  if (!m || !n || m > 2) return false;
  const int64_t outputs = kBlock * kWidth;
  parallel(ceilDiv(n, outputs), 1 + kFewRowsGrain / (outputs * m * (k + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      if (m == 1) multiplyRows<1>(c, w, i * outputs);
      else multiplyRows<2>(c, w, i * outputs);
    }
  });
  return true;
}

}  // namespace
}  // namespace lowbit
