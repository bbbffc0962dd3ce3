// A slice of a tensor as a strided walk.
#pragma once
#include <math.h>

#include "../../core/strided.h"

namespace lowbit {
namespace {

// Where the elements of a part lie in the whole that it is a slice of; the part is not empty.
struct Cut {
  int64_t first = 0;
  Strided<1> plan;

  Cut(const View& whole, const View& part, const Param& starts, const Param& axes, const Param& steps) {
    int64_t start[kMaxRank] = {}, step[kMaxRank];
    for (int d = 0; d < whole.rank; d++) step[d] = 1;
    for (int i = 0; i < starts.count; i++) {
      const int64_t axis = axes.count ? (axes[i] < 0 ? axes[i] + whole.rank : axes[i]) : i;
      EXPECT(axis >= 0 && axis < whole.rank);
      // In double: starts may be infinite or as large as an int64. A step beyond the axis is never taken.
      const double size = static_cast<double>(whole.shape[axis]), by = steps.count ? steps.real(i) : 1;
      const double from = starts.real(i) + (starts.real(i) < 0 ? size : 0);
      start[axis] = static_cast<int64_t>(fmax(0, fmin(from, by < 0 ? size - 1 : size)));
      step[axis] = static_cast<int64_t>(fmax(-size, fmin(by, size)));
    }
    for (int d = 0; d < whole.rank; d++) {
      const int64_t stride = whole.count(d + 1, whole.rank);
      [[maybe_unused]] const int64_t last = start[d] + (part.shape[d] - 1) * step[d];  // for a check that cards leave out
      EXPECT(start[d] < whole.shape[d] && last >= 0 && last < whole.shape[d]);
      first += start[d] * stride;
      plan.push(part.shape[d], {step[d] * stride});
    }
  }
};

}  // namespace
}  // namespace lowbit
