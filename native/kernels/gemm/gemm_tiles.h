// gemm and matmul on register tiles: b is packed into panels of kPanel outputs, then every tile of y is one pass over k.
// Work is handed out panel by panel, so that a panel stays in the cache while the rows of a stream by.
#pragma once
#include "../../core/matmul.h"
#include "../../core/scratch.h"
#include "../../cpu/f32/pack.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kProductGrain = 1 << 20;  // multiply-adds worth a thread: about 7 us
constexpr int64_t kPackGrain = 1 << 15;     // floats worth a thread

// y[i] (m, n) = a[i] (m, k) · b[i] (k, n) for `batch` matrices.
struct Product {
  int64_t batch, m, n, k;
  const float* bias;  // nullptr: sums begin at 0
  float* y;
  float* packed;  // [batch][panels()][k][kPanel]

  INLINE int64_t panels() const { return (n + kPanel - 1) / kPanel; }
  INLINE int64_t outputs(int64_t panel) const { return n - panel * kPanel < kPanel ? n - panel * kPanel : kPanel; }
  INLINE int64_t packedFloats() const { return batch * panels() * k * kPanel; }
};

// pack(matrix, first output, outputs, panel) fills one panel.
template <class Pack> void packPanels(const Product& p, Pack pack) {
  parallel(p.batch * p.panels(), 1 + kPackGrain / (p.k * kPanel + 1), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t panel = at % p.panels();
      pack(at / p.panels(), panel * kPanel, p.outputs(panel), p.packed + at * p.k * kPanel);
    }
  });
}

// aOf(matrix) is where a[matrix] begins.
template <class A> void multiply(const Product& p, A aOf) {
  static constexpr float zeros[kPanel] = {};
  const Tiles tiles(p.m);
  const int64_t panels = p.panels(), total = p.batch * panels * tiles.count;
  parallel(total, 1 + kProductGrain / (tiles.height * kPanel * (p.k + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t i = at % tiles.count, row = tiles.first(i), packed = at / tiles.count;
      const int64_t matrix = packed / panels, panel = packed % panels, output = panel * kPanel;
      Tile tile{};
      tile.x = aOf(matrix) + row * p.k;
      tile.xStep = tile.length = p.k;
      tile.rows = tile.taps = 1;
      tile.panel = p.packed + packed * p.k * kPanel;
      tile.start = p.bias ? p.bias + output : zeros;
      tile.y = p.y + (matrix * p.m + row) * p.n + output;
      tile.yStep = p.n;
      tile.outputs = p.outputs(panel);
      run(tiles.rows(i), tile);
    }
  });
}

INLINE float* packedMemory(const Product& p) { return static_cast<float*>(scratch(static_cast<size_t>(p.packedFloats()) * sizeof(float))); }

static bool gemmTiled(const gemm_call& call) {
  const float *a = call.a.as<float>(), *b = call.b.as<float>();
  Product p{1, call.a.count(0, call.a.rank - 1), call.b.dim(0), call.b.dim(1), call.bias.as<float>(), call.y.as<float>(), nullptr};
  EXPECT(call.a.dim(-1) == p.k && call.bias.size() == p.n && call.y.size() == p.m * p.n);
  p.packed = packedMemory(p);
  packPanels(p, [&](int64_t, int64_t first, int64_t outputs, float* panel) { packRows(b + first * p.k, outputs, p.k, p.k, panel); });
  multiply(p, [=](int64_t) { return a; });
  return true;
}

static bool matmulTiled(const matmul_call& call) {
  if (call.a.dtype != Dtype::float32) return false;
  const Matmul matrices(call.a, call.b, call.y);
  if (!call.y.size()) return true;
  const float *a = call.a.as<float>(), *b = call.b.as<float>();
  int64_t m = matrices.m, n = matrices.n, k = matrices.k, batch = matrices.batch;
  // Where all matrices of a meet the same b, their rows are one tall matrix.
  if (call.b.size() == k * n && call.a.size() == batch * m * k) {
    m *= batch;
    batch = 1;
  }
  // Several matrices at a time, as many as fit into about 16 MB of panels.
  Product p{1, m, n, k, nullptr, nullptr, nullptr};
  const int64_t fit = 1 + (int64_t{4} << 20) / (p.packedFloats() + 1);
  for (int64_t done = 0; done < batch; done += p.batch) {
    p.batch = batch - done < fit ? batch - done : fit;
    p.y = call.y.as<float>() + done * m * n;
    p.packed = packedMemory(p);
    packPanels(p, [&](int64_t matrix, int64_t first, int64_t outputs, float* panel) {
      packColumns(b + matrices.indexOfB(done + matrix) * k * n + first, outputs, k, n, panel);
    });
    multiply(p, [&](int64_t matrix) { return a + matrices.indexOfA(done + matrix) * matrices.m * k; });
  }
  return true;
}

}  // namespace
}  // namespace lowbit
