// gemm and matmul on register tiles: b is packed into panels of kPanel outputs. A band of rows of a stays in the second cache while the
// panels stream by; of a panel, kDepth steps (32 KB) at a time stay in the first cache and meet all tiles of the band, whose sums wait
// as [row][kPanel]: the rows of y may be a power of two apart, which caches do not like.
#pragma once
#include <string.h>

#include "../../core/arithmetic.h"
#include "../../core/matmul.h"
#include "../../core/scratch.h"
#include "../../cpu/f32/pack.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kProductGrain = 1 << 20;  // multiply-adds worth a thread: about 7 us
constexpr int64_t kPackGrain = 1 << 15;     // floats worth a thread
constexpr int64_t kDepth = 256;
constexpr int64_t kBandTiles = 8;          // a band is at most so many tiles of rows,
constexpr int64_t kLateTiles = 16;         // up to so many tiles of rows are one band
constexpr int64_t kBandFloats = 96 << 10;  // and if that is more than one tile, at most so many floats

// y[i] (m, n) = a[i] (m, k) · b[i] (k, n) for `batch` matrices.
struct Product {
  int64_t batch, m, n, k;
  const float* bias;  // nullptr: sums begin at 0
  float* y;
  Kept* kept = nullptr;    // for the panels
  Finish<float> finish{};  // of one matrix

  INLINE int64_t panels() const { return (n + kPanel - 1) / kPanel; }
  INLINE int64_t outputs(int64_t panel) const { return n - panel * kPanel < kPanel ? n - panel * kPanel : kPanel; }
  INLINE int64_t packedFloats() const { return batch * panels() * k * kPanel; }
  // A band is copied so that its rows are an odd number of cache lines apart: rows a power of two apart would evict each other.
  INLINE int64_t bandStep() const { return (ceilDiv(k, 16) | 1) * 16; }
};

// How a product is cut, and its working memory: the panels, then for each thread the copy of a band, its sums, and its own panel.
struct Plan {
  Tiles tiles;
  // Few rows are one band, and a thread packs a panel when it is its turn: every panel is used just once. Not panels that are kept.
  bool packsLate;
  int64_t bandTiles, bands, parts, sumsAt, panelAt, own;
  float *packed, *memory;
  bool filled;  // the panels, by an earlier call

  INLINE explicit Plan(const Product& p) : tiles(p.m) {
    const int64_t count = threads(), enough = 4 * count, fit = kBandFloats / (kRows * p.bandStep());
    packsLate = !p.kept && tiles.count <= kLateTiles && p.batch * p.panels() >= enough;
    // Lower bands where there would be too few of them for the threads.
    const int64_t high = smaller(smaller(p.batch * p.panels() * tiles.count / enough, fit), kBandTiles);
    bandTiles = packsLate ? tiles.count : high < 1 ? 1 : high;
    bands = bandTiles ? ceilDiv(tiles.count, bandTiles) : 0;
    parts = smaller(smaller(count, p.batch * bands * p.panels()), 1 + p.batch * p.m * p.n * p.k / kProductGrain);
    sumsAt = bandTiles * kRows * p.bandStep();
    panelAt = sumsAt + bandTiles * kRows * kPanel;
    own = panelAt + (packsLate ? p.k * kPanel : 0);
    const int64_t bytes = packsLate ? 0 : p.packedFloats() * int64_t{sizeof(float)}, shared = Derived::working(p.kept, bytes);
    char* const working = static_cast<char*>(scratch(static_cast<size_t>(shared) + static_cast<size_t>(parts * own) * sizeof(float)));
    const Derived panels(p.kept, bytes, working);
    packed = reinterpret_cast<float*>(panels.memory);
    filled = panels.filled;
    memory = reinterpret_cast<float*>(working + shared);
  }
  // Bands have nearly equal heights, for they count alike when work is shared out.
  INLINE int64_t firstRow(int64_t band) const { return smaller(tiles.total, tiles.first(band * tiles.count / bands)); }
};

// Rows of one matrix, all steps, by the panels [firstPanel, endPanel).
struct Band {
  const float* a;
  int64_t matrix, row, rows, firstPanel, endPanel;
  float* memory;
};

template <class Pack> void multiplyBand(const Product& p, const Plan& plan, const Band& band, Pack pack) {
  static constexpr float zeros[kPanel] = {};
  const Tiles tiles(band.rows);
  const int64_t blocks = p.k ? ceilDiv(p.k, kDepth) : 1, depth = ceilDiv(p.k, blocks);
  // Worth it where many panels read the copy.
  const bool copies = blocks > 1 && band.endPanel - band.firstPanel >= 4;
  const float* const a = copies ? band.memory : band.a;
  Tile tile{};
  tile.rows = tile.taps = 1;
  tile.xStep = copies ? p.bandStep() : p.k;
  for (int64_t i = 0; copies && i < band.rows; i++)
    memcpy(band.memory + i * tile.xStep, band.a + i * p.k, static_cast<size_t>(p.k) * sizeof(float));
  for (int64_t panel = band.firstPanel; panel < band.endPanel; panel++) {
    tile.outputs = p.outputs(panel);
    float* packed = plan.packed + (band.matrix * p.panels() + panel) * p.k * kPanel;
    if (plan.packsLate) pack(band.matrix, panel * kPanel, tile.outputs, packed = band.memory + plan.panelAt);
    for (int64_t first = 0, block = 0; block < blocks; block++, first += depth) {
      const bool starts = block == 0, ends = block == blocks - 1;
      tile.length = smaller(depth, p.k - first);
      tile.panel = packed + first * panelWidth(tile.outputs);
      for (int64_t i = 0; i < tiles.count; i++) {
        float* const sums = band.memory + plan.sumsAt + tiles.first(i) * kPanel;
        tile.x = a + tiles.first(i) * tile.xStep + first;
        tile.start = !starts ? sums : p.bias ? p.bias + panel * kPanel : zeros;
        tile.startStep = starts ? 0 : kPanel;
        tile.y = ends ? p.y + (band.matrix * p.m + band.row + tiles.first(i)) * p.n + panel * kPanel : sums;
        tile.yStep = ends ? p.n : kPanel;
        tile.finish = ends ? p.finish.from(band.row + tiles.first(i), panel * kPanel) : Finish<float>();
        run(tiles.rows(i), tile);
      }
    }
  }
}

// aOf(matrix) is where a[matrix] begins; pack(matrix, first output, outputs, panel) fills one panel.
template <class A, class Pack> bool multiply(const Product& p, A aOf, Pack pack) {
  const Plan plan(p);
  if (!plan.packed) return false;
  parallel(plan.packsLate || plan.filled ? 0 : p.batch * p.panels(), 1 + kPackGrain / (p.k * kPanel + 1), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t panel = at % p.panels();
      pack(at / p.panels(), panel * kPanel, p.outputs(panel), plan.packed + at * p.k * kPanel);
    }
  });
  const int64_t units = p.batch * plan.bands * p.panels();
  parallel(plan.parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t last = units * (part + 1) / plan.parts;
      for (int64_t unit = units * part / plan.parts, next; unit < last; unit = next) {
        const int64_t whole = unit / p.panels(), matrix = whole / plan.bands, row = plan.firstRow(whole % plan.bands);
        next = smaller(last, (whole + 1) * p.panels());
        const int64_t rows = plan.firstRow(whole % plan.bands + 1) - row, panel = unit - whole * p.panels();
        multiplyBand(p, plan, {aOf(matrix) + row * p.k, matrix, row, rows, panel, panel + next - unit, plan.memory + part * plan.own},
                     pack);
      }
    }
  });
  if (p.kept) p.kept->parts[0].filled = true;
  return true;
}

// pack(first output, outputs, panel) fills a panel; of call.b only the shape is read.
template <class C, class Pack> INLINE bool gemmOf(const C& call, Pack pack, const Finish<float>& finish = {}) {
  const float *a = call.a.template as<float>(), *bias = call.bias.template as<float>();
  const int64_t rows = call.a.count(0, call.a.rank - 1);
  const Product p{1, rows, call.b.dim(0), call.b.dim(1), bias, call.y.template as<float>(), call.kept, finish};
  EXPECT(call.a.dim(-1) == p.k && call.bias.size() == p.n && call.y.size() == p.m * p.n);
  return multiply(
      p, [=](int64_t) { return a; }, [&](int64_t, int64_t first, int64_t outputs, float* panel) { pack(first, outputs, panel); });
}

template <class C> INLINE bool gemmTiled(const C& call, const Finish<float>& finish = {}) {
  if (call.a.dtype != Dtype::float32) return false;
  const float* b = call.b.template as<float>();
  const int64_t k = call.b.dim(1);
  const auto pack = [=](int64_t first, int64_t outputs, float* panel) { packRows(b + first * k, outputs, k, panel); };
  return gemmOf(call, pack, finish);
}

INLINE bool finishedGemm(const gemmAddClip_call& call) { return gemmTiled(call, finishOf<float>(call.plus, call.y, call.min, call.max)); }

// a is stored as (m, k).
INLINE void matmulOfRows(const Matmul& matrices) {
  const float *a = matrices.a.as<float>(), *b = matrices.b.as<float>();
  int64_t m = matrices.m, batch = matrices.batch;
  const int64_t n = matrices.n, k = matrices.k;
  // Where all matrices of a meet the same b, their rows are one tall matrix.
  if (matrices.b.size() == k * n && matrices.a.size() == batch * m * k) {
    m *= batch;
    batch = 1;
  }
  // Several matrices at a time, as many as fit into about 16 MB of panels.
  Product p{1, m, n, k, nullptr, nullptr};
  const int64_t fit = 1 + (int64_t{4} << 20) / (p.packedFloats() + 1);
  for (int64_t done = 0; done < batch; done += p.batch) {
    p.batch = batch - done < fit ? batch - done : fit;
    p.y = matrices.y.as<float>() + done * m * n;
    const auto aOf = [&](int64_t matrix) { return a + matrices.indexOfA(done + matrix) * matrices.m * k; };
    multiply(p, aOf, [&](int64_t matrix, int64_t first, int64_t outputs, float* panel) {
      const float* from = b + matrices.indexOfB(done + matrix) * k * n;
      if (matrices.turnedB) packRows(from + first * k, outputs, k, panel);
      else packColumns(from + first, n, outputs, k, panel);
    });
  }
}

}  // namespace
}  // namespace lowbit
