// Ops that read x at other places or in another shape: each is one strided walk.
#include <string.h>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "cut.h"
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
