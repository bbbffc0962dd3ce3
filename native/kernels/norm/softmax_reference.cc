// Along one axis, m the largest x of the line; exponentials and their sum are double, the result is rounded once:
//   softmax     y = e^(x − m) / Σ e^(x − m)
//   logSoftmax  y = (x − m) − log Σ e^(x − m)
#include <cmath>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "axis.h"

namespace lowbit {
namespace {

constexpr int64_t kKept = 1024;  // exponentials of a line that are kept instead of computed twice

// finish(x − m, e^(x − m), Σ e^(x − m)) is an element of the result.
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
      double most = -INFINITY, sum = 0, kept[kKept];
      for (int64_t i = 0; i < length; i++) {
        const double value = static_cast<Computed<T>>(x[i * inner]);
        if (value > most) most = value;
      }
      for (int64_t i = 0; i < length; i++) {
        const double power = std::exp(static_cast<Computed<T>>(x[i * inner]) - most);
        sum += power;
        if (i < kKept) kept[i] = power;
      }
      for (int64_t i = 0; i < length; i++) {
        const double difference = static_cast<Computed<T>>(x[i * inner]) - most;
        y[i * inner] = static_cast<T>(finish(difference, i < kKept ? kept[i] : std::exp(difference), sum));
      }
    }
  });
}

}  // namespace

bool softmax_reference(const softmax_call& call) {
  return withReal(call.x.dtype, [&](auto type) {
    alongAxis<decltype(type)>(call.x, call.y, call.axis.integer(), [](double, double power, double sum) { return power / sum; });
  });
}

bool logSoftmax_reference(const logSoftmax_call& call) {
  return withReal(call.x.dtype, [&](auto type) {
    alongAxis<decltype(type)>(call.x, call.y, call.axis.integer(), [](double x, double, double sum) { return x - std::log(sum); });
  });
}

}  // namespace lowbit
