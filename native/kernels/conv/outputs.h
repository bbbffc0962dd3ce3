// How the references walk: one output at a time, y[n, i, j, o] = start(o) + its taps in order, one fused multiply-add a product.
// Where a tap is outside x:
//   in a row that is not there, it is skipped (nothing is read, nothing added);
//   in a column that is not there, x is 0 and the products are added, so that all pixels of a row take the same steps.
// core/finish.h says what becomes of a sum.
#pragma once
#include <cmath>

#include "../../core/finish.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "conv.h"

namespace lowbit {
namespace {

// Pixels of x under one output: tap(row, column, p, q) adds the products of tap (p, q), which lies on (row, column).
template <class T> struct Sum {
  const Conv& conv;
  const T *image, *weights;  // the image's first channel of the group, the weights of the output
  T value;

  void add(int64_t row, int64_t column, int64_t p, int64_t q) {
    const bool inside = column >= 0 && column < conv.columns.input;
    const T* pixel = inside ? image + (row * conv.columns.input + column) * conv.channels : nullptr;
    const T* weight = weights + (p * conv.columns.kernel + q) * conv.weight.tap;
    for (int64_t c = 0; c < conv.groupIn; c++) value = std::fma(inside ? pixel[c] : T(0), weight[c * conv.weight.in], value);
  }
};

// Where sums begin: at[pixel·step + o], or 0 if that is nullptr. A bias has no step.
template <class T> struct Start {
  const T* at;
  int64_t step;
};

// taps(sum, i, j) adds the taps of pixel (i, j) of y.
template <class T, class Taps>
void eachOutput(const Conv& p, const T* x, const T* w, Start<T> start, T* y, Taps taps, const Finish<T>& finish = {}) {
  parallel(p.batch * p.height * p.width, 4096 / (p.depth() * p.out + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; pixel++) {
      const int64_t j = pixel % p.width, i = pixel / p.width % p.height, n = pixel / p.width / p.height;
      for (int64_t o = 0; o < p.out; o++) {
        const int64_t group = o / p.groupOut;
        Sum<T> sum{p, x + n * p.rows.input * p.columns.input * p.channels + group * p.groupIn,
                   w + group * p.weight.group + o % p.groupOut * p.weight.out, start.at ? start.at[pixel * start.step + o] : T(0)};
        taps(sum, i, j);
        y[pixel * p.out + o] = finish(sum.value, pixel, o);
      }
    }
  });
}

// float32 or float64
template <class F> void asFloating(Dtype dtype, F&& body) {
  if (dtype == Dtype::float64) return body(Type<double>{});
  EXPECT(dtype == Dtype::float32);
  body(Type<float>{});
}

}  // namespace
}  // namespace lowbit
