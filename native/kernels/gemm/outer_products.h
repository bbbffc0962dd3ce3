// Products whose left matrix lies with its steps as rows, (k, m): sums of outer products (cpu/f32/outerSums.h), the steps being the
// pixels. gemmWeightGrad, and matmulTransposed with a turned.
#pragma once
#include "../../cpu/f32/outerSums.h"
#include "../../cpu/f32/pack.h"
#include "gemm_tiles.h"

namespace lowbit {
namespace {

// leftOf(matrix) is (k, m), rightOf(matrix) is (k, n), or where `turned` (n, k).
template <class Left, class Right> class MatrixSource {
 public:
  MatrixSource(int64_t steps, int64_t outputs, bool turned, Left leftOf, Right rightOf)
      : k(steps), n(outputs), turned_(turned), leftOf_(leftOf), rightOf_(rightOf) {}

  int64_t panels() const { return ceilDiv(n, kPanel); }
  PanelLanes lanesOf(int64_t panel) const { return {panel * kPanel, smaller(kPanel, n - panel * kPanel)}; }
  int64_t memory() const { return kBlockPixels * kPanel; }
  const float* left(int64_t matrix) const { return leftOf_(matrix); }
  int64_t blockEnd(int64_t step, int64_t end) const { return smaller(step + kBlockPixels, end); }
  Ahead::Region needs(int64_t matrix, int64_t first, int64_t end) const {
    if (turned_) return {};
    return {rightOf_(matrix) + first * n, rightOf_(matrix) + end * n};
  }
  void prepare(int64_t, int64_t, int64_t, float*) const {}

  void place(int64_t matrix, int64_t first, int64_t end, int64_t panel, float* memory, OuterTile& tile) const {
    const PanelLanes lanes = lanesOf(panel);
    const float* right = rightOf_(matrix);
    if (turned_) packRows(right + lanes.first * k + first, k, lanes.count, end - first, memory);
    else packColumns(right + first * n + lanes.first, n, lanes.count, end - first, memory);
    tile.right = memory;
    tile.rightStep = panelWidth(lanes.count);
    tile.lines = 1;
    tile.length = end - first;
  }

 private:
  int64_t k, n;
  bool turned_;
  Left leftOf_;
  Right rightOf_;
};

static bool gemmWeightGradTiled(const gemmWeightGrad_call& call) {
  if (call.dy.dtype != Dtype::float32) return false;
  const int64_t n = call.dy.dim(-1), k = call.a.dim(-1), m = call.a.count(0, call.a.rank - 1);
  EXPECT(call.dy.count(0, call.dy.rank - 1) == m && call.dw.size() == n * k && call.a.dtype == Dtype::float32);
  const float *dy = call.dy.as<float>(), *a = call.a.as<float>();
  const OuterSums sums{1, Chunks(m, 1, n * k), n, k, n, call.dw.as<float>()};
  outerSums(sums, MatrixSource(
                      m, k, false, [=](int64_t) { return dy; }, [=](int64_t) { return a; }));
  return true;
}

static bool matmulTiled(const Matmul& p) {
  if (p.a.dtype != Dtype::float32) return false;
  if (!p.y.size()) return true;
  if (!p.turnedA) {
    matmulOfRows(p);
    return true;
  }
  const float *a = p.a.as<float>(), *b = p.b.as<float>();
  const OuterSums sums{p.batch, Chunks::whole(p.k), p.m, p.n, p.m, p.y.as<float>()};
  outerSums(sums, MatrixSource(
                      p.k, p.n, p.turnedB, [&p, a](int64_t i) { return a + p.indexOfA(i) * p.m * p.k; },
                      [&p, b](int64_t i) { return b + p.indexOfB(i) * p.k * p.n; }));
  return true;
}

}  // namespace
}  // namespace lowbit
