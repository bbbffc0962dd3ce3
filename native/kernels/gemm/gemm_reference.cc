// y[i, j] = bias[j] + Σ a[i, p]·b[j, p]: p ascends, one fused multiply-add a step, starting from the bias.
#include "../../core/finish.h"
#include "../../core/fusedSums.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// y[i, j] = finish(that)
template <class T, class C> void gemmOf(const C& call, const Finish<T>& finish) {
  const int64_t n = call.b.dim(0), k = call.b.dim(1), m = call.a.count(0, call.a.rank - 1);
  EXPECT(call.a.dim(-1) == k && call.bias.size() == n && call.y.size() == m * n);
  const T *a = call.a.template as<T>(), *b = call.b.template as<T>(), *bias = call.bias.template as<T>();
  T* y = call.y.template as<T>();
  const int64_t parts = (n + kTogether - 1) / kTogether;
  parallel(m * parts, 4096 / (k * kTogether + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t i = part / parts, j = part % parts * kTogether, count = n - j < kTogether ? n - j : kTogether;
      const T* columns[kTogether];
      T values[kTogether];
      for (int64_t c = 0; c < kTogether; c++) {
        const int64_t output = j + (c < count ? c : count - 1);
        columns[c] = b + output * k;
        values[c] = bias[output];
      }
      FusedSums<T> sums(values);
      for (int64_t p = 0; p < k; p++) sums.add(a[i * k + p], columns, p);
      sums.store(values);
      for (int64_t c = 0; c < count; c++) y[i * n + j + c] = finish(values[c], i, j + c);
    }
  });
}

}  // namespace

bool gemm_reference(const gemm_call& call) {
  if (call.a.dtype == Dtype::float64) gemmOf(call, Finish<double>());
  else gemmOf(call, Finish<float>());
  return true;
}

// y = min(max(gemm(a, b, bias) + plus, min), max)
bool gemmAddClip_reference(const gemmAddClip_call& call) {
  if (call.a.dtype == Dtype::float64) gemmOf(call, finishOf<double>(call.plus, call.y, call.min, call.max));
  else gemmOf(call, finishOf<float>(call.plus, call.y, call.min, call.max));
  return true;
}

}  // namespace lowbit
