// y[n, i, j, o] = bias[o] + Σ x[n, i·sh + p·dh − top, j·sw + q·dw − left, c]·w[o, p, q, c]: p, then q, then c ascend, starting from
// the bias; outputs.h says what a tap outside x does.
#include "outputs.h"

namespace lowbit {
namespace {

template <class T, class C> void convolution(const C& call, const Finish<T>& finish) {
  const Conv p = convOf(call);
  const auto taps = [&](Sum<T>& sum, int64_t i, int64_t j) {
    const Inside rows = p.rows.taps(i);
    for (int64_t r = rows.first; r < rows.end; r++)
      for (int64_t s = 0; s < p.columns.kernel; s++)
        sum.add(p.rows.start(i) + r * p.rows.dilation, p.columns.start(j) + s * p.columns.dilation, r, s);
  };
  eachOutput(p, call.x.template as<T>(), call.w.template as<T>(), Start<T>{call.bias.template as<T>(), 0}, call.y.template as<T>(), taps,
             finish);
}

}  // namespace

bool conv2d_reference(const conv2d_call& call) {
  asFloating(call.x.dtype, [&]<class T>(Type<T>) { convolution<T>(call, {}); });
  return true;
}

// y = min(max(conv2d(x, w, bias) + plus, min), max)
bool conv2dAddClip_reference(const conv2dAddClip_call& call) {
  asFloating(call.x.dtype, [&]<class T>(Type<T>) { convolution<T>(call, finishOf<T>(call.plus, call.y, call.min, call.max)); });
  return true;
}

}  // namespace lowbit
