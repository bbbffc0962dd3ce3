// Ops that read x at other places or in another shape: each is one strided walk.
#include <math.h>
#include <string.h>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "move.h"

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
      const int64_t stride = whole.count(d + 1, whole.rank), last = start[d] + (part.shape[d] - 1) * step[d];
      EXPECT(start[d] < whole.shape[d] && last >= 0 && last < whole.shape[d]);
      first += start[d] * stride;
      plan.push(part.shape[d], {step[d] * stride});
    }
  }
};

}  // namespace

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
  if (!c.y.size()) return true;
  const Cut cut(c.x, c.y, c.starts, c.axes, c.steps);
  move(c.x, cut.first, cut.plan, c.y);
  return true;
}

// dx[start + i·step] = dy[i], 0 where no element was taken
bool sliceGrad_reference(const sliceGrad_call& c) {
  fill(c.dx, 0);
  if (!c.dy.size()) return true;
  const Cut cut(c.dx, c.dy, c.starts, c.axes, c.steps);
  const int64_t step = cut.plan.step(0);
  asBits(c.dx.dtype, [&]<class T>(Type<T>) {
    parallel(c.dy.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      cut.plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
        const T* from = c.dy.as<T>() + i;
        T* to = c.dx.as<T>() + cut.first + at[0];
        if (step == 1) memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
        else
          for (int64_t j = 0; j < count; j++) to[j * step] = from[j];
      });
    });
  });
  return true;
}

}  // namespace lowbit
