// dw[j, p] = Σ dy[i, j]·a[i, p] over the rows i in order. They are cut into chunks (core/chunks.h): one fused multiply-add a step from 0
// within a chunk, then the sums of the chunks are added in order.
#include <cmath>

#include "../../core/check.h"
#include "../../core/chunks.h"
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
  const auto chunkSum = [=](int64_t chunk, int64_t j, int64_t p) {
    T sum = 0;
    for (int64_t i = chunks.first(chunk); i < chunks.first(chunk + 1); i++) sum = std::fma(a[i * k + p], dy[i * n + j], sum);
    return sum;
  };
  parallel(n * k, 1 + 4096 / (m + 1), [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      T sum = chunkSum(0, at / k, at % k);
      for (int64_t chunk = 1; chunk < chunks.count; chunk++) sum += chunkSum(chunk, at / k, at % k);
      dw[at] = sum;
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
