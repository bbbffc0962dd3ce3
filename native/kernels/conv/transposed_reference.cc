// The convolution run backwards: tap (p, q) of pixel (r, s) of x lands on y[r·sh + p·dh − top, s·sw + q·dw − left].
//
//   convTranspose2d   y[n, i, j, o] = bias[o] + Σ x[n, r, s, c]·w[o, p, q, c]
//   conv2dInputGrad  dx[n, i, j, c] =       0 + Σ dy[n, r, s, o]·w[o, p, q, c]
//
// over the taps that land on (i, j). p, then q descend, so that the pixels read ascend; then the channels read ascend. Taps between
// pixels, where a stride does not divide, are skipped; outputs.h says what a tap outside x does.
#include "outputs.h"

namespace lowbit {
namespace {

template <class T> void transposed(const Conv& p, const View& x, const View& w, const T* bias, const View& y) {
  eachOutput(p, x.as<T>(), w.as<T>(), bias, y.as<T>(), [&](Sum<T>& sum, int64_t i, int64_t j) {
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
  asFloating(call.x.dtype, [&]<class T>(Type<T>) { transposed<T>(convOf(call), call.x, call.w, call.bias.as<T>(), call.y); });
  return true;
}

bool conv2dInputGrad_reference(const conv2dInputGrad_call& call) {
  asFloating(call.dy.dtype, [&]<class T>(Type<T>) { transposed<T>(convOf(call), call.dy, call.w, nullptr, call.dx); });
  return true;
}

}  // namespace lowbit
