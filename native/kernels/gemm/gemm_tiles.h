// gemm and matmul on register tiles: b is packed into panels of kPanel outputs, then every tile of y is one pass over k.
// Work is handed out panel by panel, so that a panel stays in the cache while the rows of a stream by.
#pragma once
#include "../../core/scratch.h"
#include "../../cpu/pool.h"
#include "matmul.h"
#include "pack.h"

namespace lowbit {
namespace {

constexpr int64_t kProductGrain = 1 << 19;  // multiply-adds worth a thread: about 5 us

struct Product {
  int64_t m, n, k;
  const float *a, *bias;  // no bias: sums begin at 0
  float *y, *packed;      // packed: [panels()][k][kPanel]

  INLINE int64_t panels() const { return (n + kPanel - 1) / kPanel; }
  INLINE int64_t outputs(int64_t panel) const { return n - panel * kPanel < kPanel ? n - panel * kPanel : kPanel; }
  INLINE float* panel(int64_t i) const { return packed + i * k * kPanel; }
  INLINE size_t packedBytes() const { return static_cast<size_t>(panels() * k * kPanel) * sizeof(float); }
};

// pack(first output, outputs, panel) fills one panel.
template <class Pack> void packPanels(const Product& p, Pack pack) {
  parallel(p.panels(), 1 + 16384 / (p.k * kPanel + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) pack(i * kPanel, p.outputs(i), p.panel(i));
  });
}

// Packs `outputs` columns of a matrix with `step` floats from row to row.
static void packColumns(const float* matrix, int64_t outputs, int64_t step, int64_t steps, float* panel) {
  const int64_t width = panelWidth(outputs);
  for (int64_t k = 0; k < steps; k++)
    for (int64_t j = 0; j < width; j++) panel[k * width + j] = j < outputs ? matrix[k * step + j] : 0;
}

static void multiply(const Product& p) {
  static constexpr float zeros[kPanel] = {};
  const Tiles tiles(p.m);
  parallel(p.panels() * tiles.count, 1 + kProductGrain / (tiles.height * kPanel * (p.k + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t panel = at / tiles.count, row = tiles.first(at % tiles.count), output = panel * kPanel;
      Tile tile{};
      tile.x = p.a + row * p.k;
      tile.xStep = tile.length = p.k;
      tile.rows = tile.taps = 1;
      tile.panel = p.panel(panel);
      tile.start = p.bias ? p.bias + output : zeros;
      tile.y = p.y + row * p.n + output;
      tile.yStep = p.n;
      tile.outputs = p.outputs(panel);
      run(tiles.rows(at % tiles.count), tile);
    }
  });
}

static bool gemmTiled(const gemm_call& call) {
  const float* b = call.b.as<float>();
  Product p{call.a.count(0, call.a.rank - 1),
            call.b.dim(0),
            call.b.dim(1),
            call.a.as<float>(),
            call.bias.as<float>(),
            call.y.as<float>(),
            nullptr};
  EXPECT(call.a.dim(-1) == p.k && call.bias.size() == p.n && call.y.size() == p.m * p.n);
  p.packed = static_cast<float*>(scratch(p.packedBytes()));
  packPanels(p, [&](int64_t first, int64_t outputs, float* panel) { packRows(b + first * p.k, outputs, p.k, panel); });
  multiply(p);
  return true;
}

// Where all matrices meet the same b, their rows are one tall matrix.
static bool matmulTiled(const matmul_call& call) {
  if (call.a.dtype != Dtype::float32) return false;
  const Matmul matrices(call);
  if (!call.y.size()) return true;
  const int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  const bool oneB = matrices.b.size() == k * n && matrices.a.size() == matrices.batch * m * k;
  Product p{oneB ? matrices.batch * m : m, n, k, nullptr, nullptr, nullptr, nullptr};
  p.packed = static_cast<float*>(scratch(p.packedBytes()));
  for (int64_t i = 0; i < (oneB ? 1 : matrices.batch); i++) {
    const float* b = matrices.b.as<float>() + matrices.indexOfB(i) * k * n;
    p.a = matrices.a.as<float>() + matrices.indexOfA(i) * m * k;
    p.y = matrices.y.as<float>() + i * m * n;
    packPanels(p, [&](int64_t first, int64_t outputs, float* panel) { packColumns(b + first, outputs, n, k, panel); });
    multiply(p);
  }
  return true;
}

}  // namespace
}  // namespace lowbit
