// A tensor seen from one of its axes: (outer, length, inner).
#pragma once
#include <type_traits>

#include "../../core/check.h"
#include "../../core/half.h"

namespace lowbit {
namespace {

struct Axis {
  int64_t outer, length, inner;
  Axis(const View& x, int64_t axis) {
    const int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    EXPECT(at >= 0 && at < x.rank);
    outer = x.count(0, at);
    length = x.shape[at];
    inner = x.count(at + 1, x.rank);
  }
};

template <class T> using Computed = std::conditional_t<std::is_same_v<T, half>, float, T>;

// Calls f with a value of the tensor's real element type.
template <class F> bool withReal(Dtype dtype, F f) {
  switch (dtype) {
    case Dtype::float32: f(float{}); return true;
    case Dtype::float64: f(double{}); return true;
    case Dtype::float16: f(half{}); return true;
    default: EXPECT(!"a real element type"); return false;
  }
}

}  // namespace
}  // namespace lowbit
