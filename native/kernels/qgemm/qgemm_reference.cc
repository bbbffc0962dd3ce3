// Products of matrices of codes.
#include <algorithm>

#include "../../core/dot.h"
#include "../../core/matmul.h"
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// y[i, j] for j in [first, first + kBlock): rows of b are read along j, so that the loop vectorizes.
constexpr int64_t kBlock = 64;
template <class A, class B>
void rowTimesMatrix(const A* a, const B* b, int64_t k, int64_t n, int32_t aZero, int32_t bZero, int64_t first, uint32_t* sums) {
  const int64_t width = std::min(kBlock, n - first);
  std::fill(sums, sums + kBlock, 0);
  for (int64_t i = 0; i < k; i++) {
    const int32_t left = a[i] - aZero;
    const B* row = b + i * n + first;
    for (int64_t j = 0; j < width; j++) sums[j] += static_cast<uint32_t>(left * (row[j] - bZero));
  }
}

}  // namespace

// y[r, c] = out(bias[c] + Σ_k (a[r, k] - za)·(b[c, k] - zb), scale[c]);  a (..., k), b (n, k), y (..., n)
bool qgemm_reference(const qgemm_call& c) {
  const int64_t k = c.b.shape[1], n = c.b.shape[0], rows = c.y.count(0, c.y.rank - 1);
  EXPECT(c.b.dtype == Dtype::int8 && c.a.dim(-1) == k && c.y.dim(-1) == n && c.bias.size() == n && c.scale.size() == n);
  const int8_t* b = c.b.as<int8_t>();
  const int32_t *bias = c.bias.as<int32_t>(), aZero = static_cast<int32_t>(c.aZero.integer()),
                bZero = static_cast<int32_t>(c.bZero.integer());
  const float* scale = c.scale.as<float>();
  const SumOutput out{c.y, Requantize(c.yZero, c.qmin, c.qmax)};
  withCodes(c.a, [&](auto a) {
    parallel(rows * n, 16384 / (k + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const uint32_t sum = dot(static_cast<uint32_t>(bias[i % n]), a + i / n * k, b + i % n * k, k, aZero, bZero);
        out.put(i, static_cast<int32_t>(sum), scale[i % n]);
      }
    });
  });
  return true;
}

// y[.., i, j] = out(Σ_k (a[.., i, k] - za)·(b[.., k, j] - zb), multiplier), batch dimensions broadcast as in numpy
bool qmatmul_reference(const qmatmul_call& c) {
  const Matmul matrices(c.a, c.b, c.y);
  const int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  if (!c.y.size()) return true;
  const int32_t aZero = static_cast<int32_t>(c.aZero.integer()), bZero = static_cast<int32_t>(c.bZero.integer());
  const float multiplier = static_cast<float>(c.multiplier);
  const SumOutput out{c.y, Requantize(c.yZero, c.qmin, c.qmax)};
  withCodes(c.a, [&](auto a) {
    withCodes(c.b, [&](auto b) {
      parallel(c.y.size() / n, 16384 / (k * n + 1) + 1, [&](int64_t begin, int64_t end) {
        uint32_t sums[kBlock];
        for (int64_t row = begin; row < end; row++) {
          const auto* left = a + (matrices.indexOfA(row / m) * m + row % m) * k;
          const auto* right = b + matrices.indexOfB(row / m) * k * n;
          for (int64_t first = 0; first < n; first += kBlock) {
            rowTimesMatrix(left, right, k, n, aZero, bZero, first, sums);
            for (int64_t j = first; j < std::min(n, first + kBlock); j++)
              out.put(row * n + j, static_cast<int32_t>(sums[j - first]), multiplier);
          }
        }
      });
    });
  });
  return true;
}

}  // namespace lowbit
