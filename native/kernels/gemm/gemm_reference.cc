// y[i, j] = bias[j] + Σ a[i, p]·b[j, p]: p ascends, one fused multiply-add a step, starting from the bias.
#include <cmath>

#include "../../core/finish.h"
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
  parallel(m * n, 4096 / (k + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const T *row = a + at / n * k, *column = b + at % n * k;
      T sum = bias[at % n];
      for (int64_t p = 0; p < k; p++) sum = std::fma(row[p], column[p], sum);
      y[at] = finish(sum, at / n, at % n);
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
