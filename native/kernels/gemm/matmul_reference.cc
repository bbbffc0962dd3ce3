// y[i, j] = Σ a[i, p]·b[p, j]: p ascends from 0, one fused multiply-add a step; float16 in float, integers modulo 2^32 or 2^64.
// matmulTransposed reads a[p, i] or b[j, p] instead.
#include <type_traits>

#include "../../core/fusedSums.h"
#include "../../core/half.h"
#include "../../core/matmul.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

template <class S> S multiplyAdd(S a, S b, S sum) {
  if constexpr (std::is_floating_point_v<S>) return fused(a, b, sum);
  else return a * b + sum;
}

// T is stored, S computes.
template <class T, class S> void matmulTyped(const Matmul& p) {
  const T *a = p.a.as<T>(), *b = p.b.as<T>();
  T* y = p.y.as<T>();
  // Elements from one step of a sum to the next, and from one row or column of y to the next.
  const int64_t stepA = p.turnedA ? p.m : 1, rowA = p.turnedA ? 1 : p.k, stepB = p.turnedB ? 1 : p.n, columnB = p.turnedB ? p.k : 1;
  parallel(p.batch * p.m, 4096 / (p.k * p.n + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t matrix = row / p.m;
      const T* left = a + p.indexOfA(matrix) * p.m * p.k + row % p.m * rowA;
      const T* right = b + p.indexOfB(matrix) * p.k * p.n;
      int64_t j = 0;
      if constexpr (std::is_same_v<T, S> && std::is_floating_point_v<S>)
        for (; j + kTogether <= p.n; j += kTogether) {
          const T* columns[kTogether];
          T values[kTogether] = {};
          for (int64_t c = 0; c < kTogether; c++) columns[c] = right + (j + c) * columnB;
          FusedSums<T> sums(values);
          for (int64_t i = 0; i < p.k; i++) sums.add(left[i * stepA], columns, i * stepB);
          sums.store(y + row * p.n + j);
        }
      for (; j < p.n; j++) {
        S sum = 0;
        for (int64_t i = 0; i < p.k; i++) sum = multiplyAdd<S>(left[i * stepA], right[i * stepB + j * columnB], sum);
        y[row * p.n + j] = static_cast<T>(sum);
      }
    }
  });
}

bool multiplied(const Matmul& product) {
  switch (product.a.dtype) {
    case Dtype::float32: matmulTyped<float, float>(product); return true;
    case Dtype::float64: matmulTyped<double, double>(product); return true;
    case Dtype::float16: matmulTyped<half, float>(product); return true;
    case Dtype::int32:
    case Dtype::uint32: matmulTyped<uint32_t, uint32_t>(product); return true;
    case Dtype::int64:
    case Dtype::uint64: matmulTyped<uint64_t, uint64_t>(product); return true;
    default: EXPECT(!"a type that matmul takes"); return false;
  }
}

}  // namespace

bool matmul_reference(const matmul_call& call) { return multiplied(Matmul(call.a, call.b, call.y)); }

bool matmulTransposed_reference(const matmulTransposed_call& call) {
  return multiplied(Matmul(call.a, call.b, call.y, call.transposeA != 0, call.transposeB != 0));
}

}  // namespace lowbit
