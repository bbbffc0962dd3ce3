// The linear layer over panels: rows of a in blocks that stay in L2 while every panel passes over them. Many weights come from L3 or from
// further away, once for each block.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kBlockTiles = 10;
// Lines so far apart share a set of L1, which has room for 8 of them at least: those of more rows are moved apart.
constexpr int64_t kSetsApart = 4096, kSetLines = 8;

// Rows in as few blocks as fit, which are of about the same height.
template <class V> int64_t rowsPerBlock(int64_t rows) {
  const int64_t tiles = ceilDiv(rows, V::kTileRows);
  return ceilDiv(tiles, ceilDiv(tiles, kBlockTiles)) * V::kTileRows;
}

// The weights come from w, int8 or packed; of c.b only type and shape are read.
template <class V, class W> bool gemm(const qgemm_call& c, const W& w) {
  using Code = typename V::Code;
  const int64_t k = c.b.shape[1], n = c.b.shape[0], rows = c.y.count(0, c.y.rank - 1);
  EXPECT(c.b.dtype == Dtype::int8 && c.a.dim(-1) == k && c.y.dim(-1) == n && c.bias.size() == n && c.scale.size() == n);
  if (c.bZero.integer() != 0) return false;
  if (!rows || !n) return true;

  // Unsigned bytes are read where they lie, others from a copy of each block of rows.
  const uint8_t flip = flipOf(c.a);
  const int64_t apart = k * int64_t{sizeof(Code)} % kSetsApart ? 0 : 64 / int64_t{sizeof(Code)}, step = k + apart;
  const bool inPlace = sizeof(Code) == 1 && !flip && (!apart || rows <= kSetLines);
  const int64_t blockRows = rowsPerBlock<V>(rows);
  Panels<V> panels{n, 1, k, nullptr, nullptr, nullptr};
  // The panels are shared out as well where the threads do not get as many blocks each.
  const int64_t blocks = ceilDiv(rows, blockRows), parts = blocks % threads() ? smaller(threads(), panels.count()) : 1;
  const int64_t workers = smaller(threads(), blocks * parts);
  const int64_t codesPerWorker = inPlace ? 0 : blockRows * step + 64;
  const int64_t ownBytes = Derived::working(c.kept, panels.bytes());
  char* scratch = allocateScratch(ownBytes + workers * codesPerWorker * int64_t{sizeof(Code)});
  if (!scratch) return false;
  const Derived packed(c.kept, panels.bytes(), scratch);
  if (!packed.memory) {
    free(scratch);
    return false;
  }
  panels.place(packed.memory);
  Code* copies = reinterpret_cast<Code*>(scratch + ownBytes);

  const int32_t zeroPoint = static_cast<int32_t>(c.aZero.integer()) + flip;
  if (!packed.filled)
    parallel(panels.count(), 65536 / (panels.panelSize() + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; p++) panels.pack(p, w, c.bias.as<int32_t>(), c.scale.as<float>(), zeroPoint);
    });

  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  const int64_t offset = 0, items = blocks * parts, panelBytes = panels.panelSize() * int64_t{sizeof(typename V::Weight)};
  parallel(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; worker++)
      for (int64_t item = items * worker / workers; item < items * (worker + 1) / workers; item++) {
        const int64_t first = item / parts * blockRows, count = smaller(blockRows, rows - first), part = item % parts;
        const uint8_t* a = c.a.as<uint8_t>() + first * k;
        Code* copy = copies + worker * codesPerWorker;
        for (int64_t r = 0; !inPlace && r < count; r++) loadCodes<V>(copy + r * step, a + r * k, k, flip);
        const Pixels<V> pixels{inPlace ? reinterpret_cast<const Code*>(a) : copy, inPlace ? k : step, &offset};
        const int64_t last = panels.count() * (part + 1) / parts - 1;
        for (int64_t p = panels.count() * part / parts; p <= last; p++)
          strip(count, panels, p, pixels, out, first * n + p * panels.kWidth, n, p < last ? panelBytes : 0);
      }
  });
  packed.done();
  free(scratch);
  return true;
}

template <class V> bool gemm(const qgemm_call& c) { return gemm<V>(c, Int8Weights{c.b.as<int8_t>(), c.b.shape[1]}); }

}  // namespace
}  // namespace lowbit
