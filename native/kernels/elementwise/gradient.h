// Gradients as formulas of one element, or of a vector of them: V is float, double or a vector of floats. NaN in x counts as outside of
// every interval.
#pragma once
#include "../../core/view.h"

namespace lowbit {
namespace {

// dy where low <= x <= high, else 0
template <class V> INLINE V clipGradOf(V dy, V x, V low, V high) { return (x >= low) & (x <= high) ? dy : V{}; }

// dy above 0, else alpha·dy
template <class V> INLINE V leakyReluGradOf(V dy, V x, V alpha) { return dy * (x > 0 ? V{} + 1 : alpha); }

// alpha·dy where 0 < alpha·x + beta < 1, else 0
template <class V> INLINE V hardSigmoidGradOf(V dy, V x, V alpha, V beta) {
  const V y = alpha * x + beta;
  return (y > 0) & (y < 1) ? alpha * dy : V{};
}

// dy·(x / 3 + 1/2) between -3 and 3, dy above, 0 below
template <class V> INLINE V hardSwishGradOf(V dy, V x) {
  const V slope = x >= 3 ? V{} + 1 : x / 3 + 0.5f;
  return dy * (x > -3 ? slope : V{});
}

// above·dy where x > 0, else (rate·y + offset)·dy: a function that is linear above 0, and below it has a slope that its own value gives,
// as e^x has.
template <class V> INLINE V eluGradOf(V dy, V x, V y, V rate, V offset, V above) { return dy * (x > 0 ? above : rate * y + offset); }

// dy where a > b, dy / 2 where they are equal, else 0
template <class V> INLINE V maximumGradOf(V dy, V a, V b) {
  const V tied = a == b ? V{} + 0.5f : V{};
  return dy * (a > b ? V{} + 1 : tied);
}

}  // namespace
}  // namespace lowbit
