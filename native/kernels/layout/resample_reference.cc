// y[outer, o, inner] = Σ_t weight[o, t]·x[outer, index[o, t], inner]: a resize along one axis as a short weighted sum.
// The first tap is a product, each later one a product that is added to it (never fused), in float32 (float64 for float64).
// Its gradient: dx[outer, i, inner] = Σ weight[o, t]·dy[outer, o, inner] over index[o, t] = i, in the order of (o, t), from 0.
#include <algorithm>

#include "../../core/axis.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "indices.h"
#include "move.h"

namespace lowbit {
namespace {

constexpr int64_t kBlock = 64;

template <class T, class W> void resample(const resample_call& c, const Axis& axis, const std::vector<int64_t>& index) {
  using C = Computed<T>;
  const int64_t taps = c.index.shape[1], out = c.index.shape[0];
  const W* weights = c.weight.as<W>();
  parallel(axis.outer * out, kElementGrain / (axis.inner * taps + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t outer = i / out, first = i % out * taps;
      for (int64_t column = 0; column < axis.inner; column += kBlock) {
        const int64_t columns = std::min(kBlock, axis.inner - column);
        C sums[kBlock];
        for (int64_t t = first; t < first + taps; t++) {
          const T* from = c.x.as<T>() + (outer * axis.size + index[static_cast<size_t>(t)]) * axis.inner + column;
          const C weight = static_cast<C>(weights[t]);
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

template <class T, class W> void resampleGrad(const resampleGrad_call& c, const Axis& axis, const std::vector<int64_t>& index) {
  using C = Computed<T>;
  const int64_t taps = c.index.shape[1], out = c.index.shape[0], blocks = (axis.inner + kBlock - 1) / kBlock;
  const W* weights = c.weight.as<W>();
  parallel(axis.outer * blocks, kElementGrain / (out * taps * std::min(kBlock, axis.inner) + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t outer = i / blocks, column = i % blocks * kBlock, columns = std::min(kBlock, axis.inner - column);
      for (int64_t t = 0; t < out * taps; t++) {
        const T* from = c.dy.as<T>() + (outer * out + t / taps) * axis.inner + column;
        T* sums = c.dx.as<T>() + (outer * axis.size + index[static_cast<size_t>(t)]) * axis.inner + column;
        const C weight = static_cast<C>(weights[t]);
        for (int64_t j = 0; j < columns; j++) sums[j] = static_cast<T>(static_cast<C>(sums[j]) + weight * static_cast<C>(from[j]));
      }
    }
  });
}

// Weights are float32, or float64 beside a float64 tensor.
template <class F> void withWeights(const View& x, const View& index, const View& weight, F&& body) {
  EXPECT(index.rank == 2 && index.shape[1] > 0 && weight.size() == index.size());
  if (weight.dtype == Dtype::float64) return body(Type<double>{}, Type<double>{});
  EXPECT(weight.dtype == Dtype::float32);
  asReal(x.dtype, [&]<class T>(Type<T> type) { body(type, Type<float>{}); });
}

}  // namespace

bool resample_reference(const resample_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const std::vector<int64_t> index = checkedIndices(c.index, c.x, c.axis.integer(), false);
  withWeights(c.x, c.index, c.weight, [&]<class T, class W>(Type<T>, Type<W>) { resample<T, W>(c, axis, index); });
  return true;
}

bool resampleGrad_reference(const resampleGrad_call& c) {
  const Axis axis = axisOf(c.dx, c.axis.integer());
  const std::vector<int64_t> index = checkedIndices(c.index, c.dx, c.axis.integer(), false);
  fill(c.dx, 0);
  if (!c.dx.size()) return true;
  withWeights(c.dx, c.index, c.weight, [&]<class T, class W>(Type<T>, Type<W>) { resampleGrad<T, W>(c, axis, index); });
  return true;
}

}  // namespace lowbit
