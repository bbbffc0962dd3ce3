// y = (x − mean)·(1 / √(variance + epsilon))·scale + bias over the dimensions from `axis` on: in double, in two passes over x
// (mean, then Σ (x − mean)²), rounded once.
#include <cmath>
#include <vector>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "axis.h"

namespace lowbit {
namespace {

// A tensor repeated to the last dimensions of x, from `axis` on.
template <class T> std::vector<double> expanded(const View& operand, const View& x, int axis) {
  std::vector<double> all(x.count(axis, x.rank));
  for (size_t i = 0; i < all.size(); i++) {
    int64_t rest = static_cast<int64_t>(i), at = 0, step = 1;
    for (int d = x.rank - 1, e = operand.rank - 1; e >= 0; d--, e--) {
      if (operand.shape[e] > 1) at += rest % x.shape[d] * step;
      rest /= x.shape[d];
      step *= operand.shape[e];
    }
    all[i] = static_cast<Computed<T>>(operand.as<T>()[at]);
  }
  return all;
}

bool broadcasts(const View& operand, const View& x, int axis) {
  if (operand.rank > x.rank - axis) return false;
  for (int d = x.rank - 1, e = operand.rank - 1; e >= 0; d--, e--)
    if (operand.shape[e] != 1 && operand.shape[e] != x.shape[d]) return false;
  return true;
}

template <class T> void layerNormTyped(const layerNorm_call& call) {
  const int64_t given = call.axis.integer();
  const int axis = static_cast<int>(given < 0 ? given + call.x.rank : given);
  EXPECT(axis >= 0 && axis < call.x.rank && broadcasts(call.scale, call.x, axis) && broadcasts(call.bias, call.x, axis));
  const std::vector<double> scale = expanded<T>(call.scale, call.x, axis), bias = expanded<T>(call.bias, call.x, axis);
  const int64_t width = static_cast<int64_t>(scale.size());
  const double epsilon = call.epsilon;
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  parallel(call.x.count(0, axis), 8192 / (width + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* x = in + row * width;
      T* y = out + row * width;
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < width; i++) sum += static_cast<Computed<T>>(x[i]);
      const double mean = sum / static_cast<double>(width);
      for (int64_t i = 0; i < width; i++) {
        const double difference = static_cast<Computed<T>>(x[i]) - mean;
        squares += difference * difference;
      }
      const double inverse = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
      for (int64_t i = 0; i < width; i++) y[i] = static_cast<T>((static_cast<Computed<T>>(x[i]) - mean) * inverse * scale[i] + bias[i]);
    }
  });
}

}  // namespace

bool layerNorm_reference(const layerNorm_call& call) {
  return withReal(call.x.dtype, [&](auto type) { layerNormTyped<decltype(type)>(call); });
}

}  // namespace lowbit
