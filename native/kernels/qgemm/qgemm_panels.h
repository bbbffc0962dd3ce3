// The linear layer over panels: rows of a in blocks that stay in L2 while every panel passes over them.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// Of a block's rows: half of a small L2, the rest is for the panel at work and the next.
constexpr int64_t kBlockBytes = 524288;

// The weights come from w, int8 or packed; of c.b only type and shape are read.
template <class V, class W> bool gemm(const qgemm_call& c, const W& w) {
  using Code = typename V::Code;
  const int64_t k = c.b.shape[1], n = c.b.shape[0], rows = c.y.count(0, c.y.rank - 1);
  EXPECT(c.b.dtype == Dtype::int8 && c.a.dim(-1) == k && c.y.dim(-1) == n && c.bias.size() == n && c.scale.size() == n);
  if (c.bZero.integer() != 0) return false;
  if (!rows || !n) return true;

  // Unsigned bytes are read where they lie, others from a copy of each block of rows.
  const uint8_t flip = flipOf(c.a);
  const bool inPlace = sizeof(Code) == 1 && !flip;
  const int64_t most = kBlockBytes / (k * int64_t{sizeof(Code)} + 1) + V::kTileRows, blocks = ceilDiv(rows, most);
  const int64_t blockRows = ceilDiv(rows, blocks);
  Panels<V> panels{n, 1, k, nullptr, nullptr, nullptr};
  // With fewer blocks than threads the panels are shared out as well.
  const int64_t parts = blocks < threads() ? smaller(threads(), panels.count()) : 1;
  const int64_t workers = smaller(threads(), blocks * parts);
  const int64_t codesPerWorker = inPlace ? 0 : blockRows * k + 64;
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
        if (!inPlace) loadCodes<V>(copy, a, count * k, flip);
        const Pixels<V> pixels{inPlace ? reinterpret_cast<const Code*>(a) : copy, k, &offset};
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
