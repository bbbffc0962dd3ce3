// Ops that read x at other places or in another shape: each is one strided walk.
#include <math.h>

#include "../../op.h"
#include "move.h"

namespace lowbit {

// y = the elements of x in their order
bool reshape_reference(const reshape_call& c) {
  copy(c.x, c.y);
  return true;
}

// A dimension of 1 repeats.
bool expand_reference(const expand_call& c) {
  move(c.x, 0, broadcast(c.y, c.x), c.y);
  return true;
}

// y seen as (repeats[0], x.shape[0], repeats[1], ...): the repeats have stride 0.
bool tile_reference(const tile_call& c) {
  EXPECT(c.repeats.count == c.x.rank);
  Strided<1> plan;
  for (int d = 0; d < c.x.rank; d++) {
    plan.push(c.repeats[d], {0});
    plan.push(c.x.shape[d], {c.x.count(d + 1, c.x.rank)});
  }
  move(c.x, 0, plan, c.y);
  return true;
}

// y[i] = x[start + i·step] along each sliced axis. The ends have become the shape of y.
bool slice_reference(const slice_call& c) {
  int64_t start[kMaxRank] = {}, step[kMaxRank];
  for (int d = 0; d < c.x.rank; d++) step[d] = 1;
  for (int i = 0; i < c.starts.count; i++) {
    const int64_t axis = c.axes.count ? (c.axes[i] < 0 ? c.axes[i] + c.x.rank : c.axes[i]) : i;
    EXPECT(axis >= 0 && axis < c.x.rank);
    // In double: starts may be infinite or as large as an int64. A step beyond the axis is never taken.
    const double size = static_cast<double>(c.x.shape[axis]), by = c.steps.count ? c.steps.real(i) : 1;
    const double from = c.starts.real(i) + (c.starts.real(i) < 0 ? size : 0);
    start[axis] = static_cast<int64_t>(fmax(0, fmin(from, by < 0 ? size - 1 : size)));
    step[axis] = static_cast<int64_t>(fmax(-size, fmin(by, size)));
  }
  if (!c.y.size()) return true;
  Strided<1> plan;
  int64_t first = 0;
  for (int d = 0; d < c.x.rank; d++) {
    const int64_t stride = c.x.count(d + 1, c.x.rank), last = start[d] + (c.y.shape[d] - 1) * step[d];
    EXPECT(start[d] < c.x.shape[d] && last >= 0 && last < c.x.shape[d]);
    first += start[d] * stride;
    plan.push(c.y.shape[d], {step[d] * stride});
  }
  move(c.x, first, plan, c.y);
  return true;
}

}  // namespace lowbit
