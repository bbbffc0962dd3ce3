// A tensor seen around one of its axes: (outer, size, inner).
#pragma once
#include "check.h"
#include "view.h"

namespace lowbit {

struct Axis {
  int64_t outer, size, inner;
};

// index may be negative and then counts from the back.
inline Axis axisOf(const View& x, int64_t index) {
  const int axis = static_cast<int>(index < 0 ? index + x.rank : index);
  EXPECT(axis >= 0 && axis < x.rank);
  return {x.count(0, axis), x.shape[axis], x.count(axis + 1, x.rank)};
}

}  // namespace lowbit
