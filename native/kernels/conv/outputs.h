// How the references walk: pixel by pixel, y[n, i, j, o] = start(o) + its taps in order, one fused multiply-add a product, a few outputs
// side by side.
// Where a tap is outside x:
//   in a row that is not there, it is skipped (nothing is read, nothing added);
//   in a column that is not there, x is 0 and the products are added, so that all pixels of a row take the same steps.
// core/finish.h says what becomes of a sum.
#pragma once
#include "../../core/finish.h"
#include "../../core/fusedSums.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "conv.h"

namespace lowbit {
namespace {

// Pixels of x under one output: tap(row, column, p, q) adds the products of tap (p, q), which lies on (row, column).
template <class T> struct Sum {
  const Conv& conv;
  const T* image;               // its first channel of the group
  const T* weights[kTogether];  // of each output; the last ones may be one
  int64_t outputs;              // that are there
  T values[kTogether];

  void add(int64_t row, int64_t column, int64_t p, int64_t q) {
    const bool inside = column >= 0 && column < conv.columns.input;
    const T* pixel = inside ? image + (row * conv.columns.input + column) * conv.channels : nullptr;
    const int64_t tap = (p * conv.columns.kernel + q) * conv.weight.tap;
    if (outputs == 1) {
      T sum = values[0];
      for (int64_t c = 0; c < conv.groupIn; c++) sum = fused(inside ? pixel[c] : T(0), weights[0][tap + c * conv.weight.in], sum);
      values[0] = sum;
    } else {
      FusedSums<T> sums(values);
      for (int64_t c = 0; c < conv.groupIn; c++) sums.add(inside ? pixel[c] : T(0), weights, tap + c * conv.weight.in);
      sums.store(values);
    }
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
      for (int64_t o = 0, count; o < p.out; o += count) {
        const int64_t group = o / p.groupOut, rest = p.groupOut - o % p.groupOut;
        count = rest < kTogether ? rest : kTogether;
        Sum<T> sum{p, x + n * p.rows.input * p.columns.input * p.channels + group * p.groupIn, {}, count, {}};
        for (int64_t k = 0; k < kTogether; k++) {
          const int64_t output = o + (k < count ? k : count - 1);
          sum.weights[k] = w + group * p.weight.group + output % p.groupOut * p.weight.out;
          sum.values[k] = start.at ? start.at[pixel * start.step + output] : T(0);
        }
        taps(sum, i, j);
        for (int64_t k = 0; k < count; k++) y[pixel * p.out + o + k] = finish(sum.values[k], pixel, o + k);
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
