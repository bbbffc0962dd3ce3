// The product of activations over panels of bytes. The left codes are unsigned, a, and read where they lie; the right ones are moved down
// to signed, b, and packed a panel at a time:
//
//   Σ (a − za)·(b − zb) = Σ a·b  −  za·(Σ b − k·zb)  −  zb·Σ a
//
// The second term is the bias of a column, the third the start of a row; modulo 2^32 all of it is exact.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../core/matmul.h"
#include "../../core/rounding.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// Rows of b (k, n) from column `first`, in fours: [four rows][column][4], with 0 past the last row and column.
template <class V> void packColumns(int8_t* to, const uint8_t* b, int64_t k, int64_t n, int64_t first, int64_t columns, uint8_t flip) {
  const int64_t known = smaller(columns, n - first), whole = known / V::kColumns * V::kColumns;
  for (int64_t row = 0; row < k; row += 4, to += 4 * columns) {
    const uint8_t* from = b + row * n + first;
    const int64_t rows = smaller(4, k - row), quick = rows == 4 ? whole : 0;
    for (int64_t c = 0; c < quick; c += V::kColumns) V::interleaveRows(to + 4 * c, from + c, n, flip);
    for (int64_t c = quick; c < columns; c++)
      for (int64_t i = 0; i < 4; i++) to[4 * c + i] = c < known && i < rows ? static_cast<int8_t>(from[i * n + c] ^ flip) : 0;
  }
}

// starts[i] = −zb·Σ a[i]
template <class V> void rowStarts(int32_t* starts, const uint8_t* a, int64_t m, int64_t k, int32_t zeroPoint) {
  for (int64_t row = 0; row < m; row++, a += k)
    starts[row] = zeroPoint ? static_cast<int32_t>(-static_cast<uint32_t>(zeroPoint) * V::totalOf(a, k)) : 0;
}

template <class V> bool matmul(const qmatmul_call& c) {
  static_assert(V::kGroup == 4 && sizeof(typename V::Code) == 1);
  const Matmul matrices(c.a, c.b, c.y);
  const int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  EXPECT(isCode(c.a) && isCode(c.b));
  if (c.y.dtype == Dtype::int32) return false;
  if (!c.y.size()) return true;

  // With fewer products than threads their columns are shared out as well.
  const int64_t batches = matrices.batch, panelCount = ceilDiv(n, Panels<V>::kWidth);
  const int64_t parts = batches < threads() ? smaller(threads(), panelCount) : 1, items = batches * parts,
                workers = smaller(threads(), items);
  // A worker's memory: a panel, the starts of rows, and the left codes if they have to be made unsigned.
  const Panels<V> shape{smaller(n, Panels<V>::kWidth), 1, k, nullptr, nullptr, nullptr};
  const uint8_t flip = flipOf(c.a), down = flipOf(c.b) ^ 128;
  const int64_t panelBytes = ceilDiv(shape.bytes(), 64) * 64, startBytes = ceilDiv(m, 16) * 64;
  const int64_t bytes = panelBytes + startBytes + (flip ? ceilDiv(m * k + 64, 64) * 64 : 0);
  char* scratch = allocateScratch(workers * bytes);
  if (!scratch) return false;

  const int32_t aZero = static_cast<int32_t>(c.aZero.integer()) + flip;
  const int32_t bZero = static_cast<int32_t>(c.bZero.integer()) + flipOf(c.b) - 128;
  const float multiplier = static_cast<float>(c.multiplier);
  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  parallel(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; worker++) {
      char* own = scratch + worker * bytes;
      int32_t* starts = reinterpret_cast<int32_t*>(own + panelBytes);
      uint8_t* copy = reinterpret_cast<uint8_t*>(own + panelBytes + startBytes);
      const int64_t offset = 0;
      for (int64_t item = items * worker / workers; item < items * (worker + 1) / workers; item++) {
        const int64_t batch = item / parts, part = item % parts;
        const uint8_t* a = c.a.as<uint8_t>() + matrices.indexOfA(batch) * m * k;
        const uint8_t* b = c.b.as<uint8_t>() + matrices.indexOfB(batch) * k * n;
        if (flip) loadCodes<V>(copy, a, m * k, flip);
        const StartedPixels<V> rows{{flip ? copy : a, k, &offset}, starts};
        rowStarts<V>(starts, rows.codes, m, k, bZero);
        for (int64_t p = panelCount * part / parts; p < panelCount * (part + 1) / parts; p++) {
          const int64_t first = p * Panels<V>::kWidth;
          Panels<V> panel{smaller(n - first, Panels<V>::kWidth), 1, k, nullptr, nullptr, nullptr};
          panel.place(own);
          packColumns<V>(panel.weights, b, k, n, first, panel.vectors(0) * V::kLanes, down);
          panel.start(aZero, k * int64_t{bZero}, multiplier);
          strip(m, panel, 0, rows, out, batch * m * n + first, n);
        }
      }
    }
  });
  free(scratch);
  return true;
}

}  // namespace
}  // namespace lowbit
