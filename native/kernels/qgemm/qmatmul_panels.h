// The product of activations over panels of 16-bit differences from the zero points, so that nothing is left to correct. A worker
// widens one left matrix, then packs a panel of the right one and passes it over all rows.
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

// Rows of b (k, n) from column `first`, in pairs: [pair of rows][column][2].
template <class T> void packColumns(int16_t* to, const T* b, int64_t k, int64_t n, int64_t first, int64_t columns, int32_t zeroPoint) {
  const int64_t known = smaller(columns, n - first);
  for (int64_t row = 0; row < k; row += 2, to += 2 * columns) {
    const T *upper = b + row * n + first, *lower = upper + n;
    const bool pair = row + 1 < k;
    for (int64_t c = 0; c < known; c++) {
      to[2 * c] = static_cast<int16_t>(upper[c] - zeroPoint);
      to[2 * c + 1] = pair ? static_cast<int16_t>(lower[c] - zeroPoint) : 0;
    }
    for (int64_t i = 2 * known; i < 2 * columns; i++) to[i] = 0;
  }
}

template <class T> void widen(int16_t* to, const T* from, int64_t count, int32_t zeroPoint) {
  for (int64_t i = 0; i < count; i++) to[i] = static_cast<int16_t>(from[i] - zeroPoint);
}

template <class V> bool matmul(const qmatmul_call& c) {
  static_assert(V::kGroup == 2);
  const Matmul matrices(c.a, c.b, c.y);
  const int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  EXPECT(isCode(c.a) && isCode(c.b));
  if (c.y.dtype == Dtype::int32) return false;
  if (!c.y.size()) return true;

  // With fewer products than threads their columns are shared out as well.
  const int64_t batches = matrices.batch, panelCount = ceilDiv(n, Panels<V>::kWidth);
  const int64_t parts = batches < threads() ? smaller(threads(), panelCount) : 1, items = batches * parts,
                workers = smaller(threads(), items);
  Panels<V> shape{smaller(n, Panels<V>::kWidth), 1, k, nullptr, nullptr, nullptr};
  const int64_t leftBytes = ceilDiv(m * k * 2 + 64, 64) * 64, bytes = shape.bytes() + leftBytes;
  char* scratch = allocateScratch(workers * bytes);
  if (!scratch) return false;

  const int32_t aZero = static_cast<int32_t>(c.aZero.integer()), bZero = static_cast<int32_t>(c.bZero.integer());
  const float multiplier = static_cast<float>(c.multiplier);
  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  parallel(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; worker++) {
      int16_t* left = reinterpret_cast<int16_t*>(scratch + worker * bytes);
      const int64_t offset = 0;
      const Pixels<V> rows{left, k, &offset};
      for (int64_t item = items * worker / workers; item < items * (worker + 1) / workers; item++) {
        const int64_t batch = item / parts, part = item % parts;
        withCodes(c.a, [&](auto a) { widen(left, a + matrices.indexOfA(batch) * m * k, m * k, aZero); });
        for (int64_t p = panelCount * part / parts; p < panelCount * (part + 1) / parts; p++) {
          const int64_t first = p * Panels<V>::kWidth;
          Panels<V> panel{smaller(n - first, Panels<V>::kWidth), 1, k, nullptr, nullptr, nullptr};
          panel.place(scratch + worker * bytes + leftBytes);
          for (int64_t i = 0; i < panel.kWidth; i++) panel.bias[i] = 0, panel.scale[i] = multiplier;
          withCodes(c.b, [&](auto b) {
            packColumns(panel.weights, b + matrices.indexOfB(batch) * k * n, k, n, first, panel.vectors(0) * V::kLanes, bZero);
          });
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
