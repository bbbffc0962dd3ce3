// y[outer, o, inner] = Σ_t weight[o, t]·x[outer, index[o, t], inner]: a resize along one axis as a short weighted sum.
// The first tap is a product, each later one a product that is added to it (never fused), in float32 (float64 for float64).
#include <algorithm>

#include "../../core/axis.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "indices.h"

namespace lowbit {
namespace {

constexpr int64_t kBlock = 64;

template <class T> void resample(const resample_call& c, const Axis& axis, const std::vector<int64_t>& index) {
  using C = Computed<T>;
  const int64_t taps = c.index.shape[1], out = c.index.shape[0];
  const float* weights = c.weight.as<float>();
  parallel(axis.outer * out, kElementGrain / (axis.inner * taps + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t outer = i / out, first = i % out * taps;
      for (int64_t column = 0; column < axis.inner; column += kBlock) {
        const int64_t columns = std::min(kBlock, axis.inner - column);
        C sums[kBlock];
        for (int64_t t = first; t < first + taps; t++) {
          const T* from = c.x.as<T>() + (outer * axis.size + index[static_cast<size_t>(t)]) * axis.inner + column;
          const C weight = weights[t];
          if (t == first)
            for (int64_t j = 0; j < columns; j++) sums[j] = weight * static_cast<C>(from[j]);
          else
            for (int64_t j = 0; j < columns; j++) sums[j] += weight * static_cast<C>(from[j]);
        }
        T* to = c.y.as<T>() + i * axis.inner + column;
        for (int64_t j = 0; j < columns; j++) to[j] = static_cast<T>(sums[j]);
      }
    }
  });
}

}  // namespace

bool resample_reference(const resample_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  EXPECT(c.weight.dtype == Dtype::float32 && c.index.rank == 2 && c.index.shape[1] > 0 && c.weight.size() == c.index.size());
  const std::vector<int64_t> index = checkedIndices(c.index, c.x, c.axis.integer(), false);
  asReal(c.x.dtype, [&]<class T>(Type<T>) { resample<T>(c, axis, index); });
  return true;
}

}  // namespace lowbit
