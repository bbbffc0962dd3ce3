// The convolution run backwards: tap (p, q) of pixel (r, s) of x lands on y[r·sh + p·dh − top, s·sw + q·dw − left].
//
//   convTranspose2d   y[n, i, j, o] = bias[o] + Σ x[n, r, s, c]·w[o, p, q, c]
//   conv2dInputGrad  dx[n, i, j, c] = plus[n, i, j, c], or 0 where plus is empty, + Σ dy[n, r, s, o]·w[o, p, q, c]
//
// over the taps that land on (i, j). p, then q descend, so that the pixels read ascend; then the channels read ascend. Taps between
// pixels, where a stride does not divide, are skipped; outputs.h says what a tap outside x does.
#include "outputs.h"

namespace lowbit {
namespace {

template <class T> void transposed(const Conv& p, const View& x, const View& w, Start<T> start, const View& y) {
  eachOutput(p, x.as<T>(), w.as<T>(), start, y.as<T>(), [&](Sum<T>& sum, int64_t i, int64_t j) {
    for (int64_t r = p.rows.kernel - 1; r >= 0; r--) {
      const int64_t row = i + p.rows.pad - r * p.rows.dilation;
      if (row % p.rows.stride || row < 0 || row / p.rows.stride >= p.rows.input) continue;
      for (int64_t s = p.columns.kernel - 1; s >= 0; s--) {
        const int64_t column = j + p.columns.pad - s * p.columns.dilation;
        if (column % p.columns.stride == 0) sum.add(row / p.rows.stride, column / p.columns.stride, r, s);
      }
    }
  });
}

}  // namespace

bool convTranspose2d_reference(const convTranspose2d_call& call) {
  asFloating(call.x.dtype, [&]<class T>(Type<T>) { transposed<T>(convOf(call), call.x, call.w, {call.bias.as<T>(), 0}, call.y); });
  return true;
}

bool conv2dInputGrad_reference(const conv2dInputGrad_call& call) {
  const Conv p = convOf(call);
  asFloating(call.dy.dtype, [&]<class T>(Type<T>) {
    transposed<T>(p, call.dy, call.w, {call.plus.size() ? call.plus.as<T>() : nullptr, p.out}, call.dx);
  });
  return true;
}

}  // namespace lowbit
