// y[i, j] = bias[j] + Σ a[i, p]·b[j, p]: p ascends, one fused multiply-add a step, starting from the bias.
#include <cmath>

#include "../../core/check.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {

bool gemm_reference(const gemm_call& call) {
  const int64_t n = call.b.dim(0), k = call.b.dim(1), m = call.a.count(0, call.a.rank - 1);
  EXPECT(call.a.dim(-1) == k && call.bias.size() == n && call.y.size() == m * n);
  const float *a = call.a.as<float>(), *b = call.b.as<float>(), *bias = call.bias.as<float>();
  float* y = call.y.as<float>();
  parallel(m * n, 4096 / (k + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const float *row = a + at / n * k, *column = b + at % n * k;
      float sum = bias[at % n];
      for (int64_t p = 0; p < k; p++) sum = std::fma(row[p], column[p], sum);
      y[at] = sum;
    }
  });
  return true;
}

}  // namespace lowbit
