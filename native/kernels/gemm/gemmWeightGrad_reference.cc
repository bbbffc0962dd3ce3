// dw[j, p] = Σ dy[i, j]·a[i, p] over the rows i in order. They are cut into chunks (core/chunks.h): one fused multiply-add a step from 0
// within a chunk, then the sums of the chunks are added in order.
#include "../../core/check.h"
#include "../../core/chunks.h"
#include "../../core/fusedSums.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

template <class T> void weightGradOf(const gemmWeightGrad_call& call) {
  const int64_t n = call.dy.dim(-1), k = call.a.dim(-1), m = call.a.count(0, call.a.rank - 1);
  EXPECT(call.dy.count(0, call.dy.rank - 1) == m && call.dw.size() == n * k);
  const Chunks chunks(m, 1, n * k);
  const T *dy = call.dy.as<T>(), *a = call.a.as<T>();
  T* dw = call.dw.as<T>();
  const int64_t parts = (k + kTogether - 1) / kTogether;
  parallel(n * parts, 1 + 4096 / (m * kTogether + 1), [=](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t j = part / parts, p = part % parts * kTogether, count = k - p < kTogether ? k - p : kTogether;
      const T* columns[kTogether];
      for (int64_t c = 0; c < kTogether; c++) columns[c] = a + p + (c < count ? c : count - 1);
      for (int64_t chunk = 0; chunk < chunks.count; chunk++) {
        T values[kTogether] = {};
        FusedSums<T> sums(values);
        for (int64_t i = chunks.first(chunk); i < chunks.first(chunk + 1); i++) sums.add(dy[i * n + j], columns, i * k);
        sums.store(values);
        for (int64_t c = 0; c < count; c++) dw[j * k + p + c] = chunk ? dw[j * k + p + c] + values[c] : values[c];
      }
    }
  });
}

}  // namespace

bool gemmWeightGrad_reference(const gemmWeightGrad_call& call) {
  if (call.dy.dtype == Dtype::float64) weightGradOf<double>(call);
  else weightGradOf<float>(call);
  return true;
}

}  // namespace lowbit
