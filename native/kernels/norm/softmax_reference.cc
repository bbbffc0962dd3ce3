// Along one axis, m the largest x of the line; exponentials and their sum are double, the result is rounded once:
//   softmax     y = e^(x − m) / Σ e^(x − m)
//   logSoftmax  y = (x − m) − log Σ e^(x − m)
#include <cmath>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "axis.h"

namespace lowbit {
namespace {

// finish(x − m, Σ e^(x − m)) is an element of the result.
template <class T, class F> void alongAxis(const View& view, const View& result, int64_t axisIndex, F finish) {
  const Axis axis(view, axisIndex);
  const int64_t length = axis.length, inner = axis.inner;
  const T* in = view.as<T>();
  T* out = result.as<T>();
  parallel(axis.outer * inner, 1024 / (length + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      const int64_t start = line / inner * length * inner + line % inner;
      const T* x = in + start;
      T* y = out + start;
      double most = -INFINITY, sum = 0;
      for (int64_t i = 0; i < length; i++) {
        const double value = static_cast<Computed<T>>(x[i * inner]);
        if (value > most) most = value;
      }
      for (int64_t i = 0; i < length; i++) sum += std::exp(static_cast<Computed<T>>(x[i * inner]) - most);
      for (int64_t i = 0; i < length; i++) y[i * inner] = static_cast<T>(finish(static_cast<Computed<T>>(x[i * inner]) - most, sum));
    }
  });
}

}  // namespace

bool softmax_reference(const softmax_call& call) {
  return withReal(call.x.dtype, [&](auto type) {
    alongAxis<decltype(type)>(call.x, call.y, call.axis.integer(), [](double x, double sum) { return std::exp(x) / sum; });
  });
}

bool logSoftmax_reference(const logSoftmax_call& call) {
  return withReal(call.x.dtype, [&](auto type) {
    alongAxis<decltype(type)>(call.x, call.y, call.axis.integer(), [](double x, double sum) { return x - std::log(sum); });
  });
}

}  // namespace lowbit
