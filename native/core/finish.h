// The last step of a sum: y = min(max(sum + plus, low), high), rounded as add and clip round; NaN stays NaN.
#pragma once
#include <math.h>

#include "check.h"
#include "view.h"

namespace lowbit {
namespace {

template <class T> struct Finish {
  const T* plus = nullptr;  // row m adds what lies at plus + m·step; nullptr adds nothing
  int64_t step = 0;
  T low = -INFINITY, high = INFINITY;

  INLINE bool clips() const { return low > -INFINITY || high < INFINITY; }
  // From a row and an output on.
  INLINE Finish from(int64_t row, int64_t output) const { return {plus ? plus + row * step + output : nullptr, step, low, high}; }
  INLINE T operator()(T sum, int64_t row, int64_t output) const {
    if (plus) sum += plus[row * step + output];
    const T raised = sum < low ? low : sum;
    return raised > high ? high : raised;
  }
};

// plus is one number an output, or as y, or nothing.
template <class T> INLINE Finish<T> finishOf(const View& plus, const View& y, double low, double high) {
  const int64_t outputs = y.dim(-1), size = plus.size();
  EXPECT(!size || size == outputs || size == y.size());
  return {size ? plus.as<T>() : nullptr, size == outputs ? 0 : outputs, static_cast<T>(low), static_cast<T>(high)};
}

}  // namespace
}  // namespace lowbit
