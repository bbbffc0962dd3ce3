// y[outer, o, inner] = Σ_t weight[o, t]·x[outer, index[o, t], inner] on the card, and its gradient; products and sums are rounded one by
// one, in the order of the reference.
#include "../../core/axis.h"
#include "../../op.h"
#include "indices.cuh"
#include "sliceSums.cuh"

namespace lowbit {
namespace {

struct Resampling {
  int64_t out, taps, size, inner;
};

template <class T, class W>
__global__ void resampleElements(Resampling p, const T* __restrict__ x, const int64_t* __restrict__ index, const W* __restrict__ weights,
                                 T* __restrict__ y, int64_t count) {
  using C = Computed<T>;
  FOR_EACH(i, count) {
    const int64_t row = i / p.inner, column = i - row * p.inner, outer = row / p.out, first = (row - outer * p.out) * p.taps;
    const auto product = [&](int64_t t) {
      return static_cast<C>(weights[t]) * static_cast<C>(x[(outer * p.size + index[t]) * p.inner + column]);
    };
    C sum = product(first);
    for (int64_t t = first + 1; t < first + p.taps; t++) sum += product(t);
    y[i] = static_cast<T>(sum);
  }
}

template <class W> struct Weighted {
  const W* weights;
  template <class C> DEVICE C operator()(int64_t i, C value) const { return static_cast<C>(weights[i]) * value; }
};

// Weights are float32, or float64 beside a float64 tensor.
template <class F> bool withWeights(const View& x, const View& index, const View& weight, F&& body) {
  EXPECT(index.rank == 2 && index.shape[1] > 0 && weight.size() == index.size());
  if (weight.dtype == Dtype::float64) return body(Type<double>{}, Type<double>{}), true;
  EXPECT(weight.dtype == Dtype::float32);
  asReal(x.dtype, [&]<class T>(Type<T> type) { body(type, Type<float>{}); });
  return true;
}

}  // namespace

bool resample_cuda(const resample_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const Slices index = Slices::along("resample", c.index, c.x, c.axis.integer(), false);
  return withWeights(c.x, c.index, c.weight, [&]<class T, class W>(Type<T>, Type<W>) {
    const Resampling p{c.index.shape[0], c.index.shape[1], axis.size, axis.inner};
    const int64_t count = c.y.size();
    if (count) run(resampleElements<T, W>, launchOver(count), p, c.x.as<T>(), index.data(), c.weight.as<W>(), c.y.as<T>(), count);
  });
}

bool resampleGrad_cuda(const resampleGrad_call& c) {
  const Axis axis = axisOf(c.dx, c.axis.integer());
  const Slices index = Slices::along("resampleGrad", c.index, c.dx, c.axis.integer(), false);
  return withWeights(c.dx, c.index, c.weight, [&]<class T, class W>(Type<T>, Type<W>) {
    const SliceSums sums{axis.outer, axis.size, axis.inner, index.count(), c.index.shape[1]};
    sumSlicesOnCard(sums, c.dy.as<T>(), c.dx.as<T>(), index.data(), Weighted<W>{c.weight.as<W>()});
  });
}

}  // namespace lowbit
