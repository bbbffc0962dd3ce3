// Ops that read x at other places or in another shape, on the card: each is one strided walk.
#include "../../op.h"
#include "cut.h"
#include "move.cuh"

namespace lowbit {
namespace {

// y is dense, x is read along a plan from `first` on.
bool moveDense(const View& x, int64_t first, const Strided<1>& plan, const View& y) {
  const int64_t bytes = elementBytes(y.dtype);
  Strided<2> both;
  int64_t dense = y.size();
  for (int d = 0; d < plan.rank; d++) {
    dense = plan.shape[d] ? dense / plan.shape[d] : 0;
    both.push(plan.shape[d], {dense, plan.strides[0][d]});
  }
  moveAlong(both, bytes, y.data, x.as<char>() + first * bytes);
  return true;
}

}  // namespace

bool reshape_cuda(const reshape_call& c) {
  Strided<1> plan;
  plan.push(c.x.size(), {1});
  return moveDense(c.x, 0, plan, c.y);
}

bool expand_cuda(const expand_call& c) { return moveDense(c.x, 0, broadcast(c.y, c.x), c.y); }

bool tile_cuda(const tile_call& c) {
  EXPECT(c.repeats.count == c.x.rank);
  Strided<1> plan;
  for (int d = 0; d < c.x.rank; d++) {
    plan.push(c.repeats[d], {0});
    plan.push(c.x.shape[d], {c.x.count(d + 1, c.x.rank)});
  }
  return moveDense(c.x, 0, plan, c.y);
}

bool slice_cuda(const slice_call& c) {
  if (!c.y.size()) return true;
  const Cut cut(c.x, c.y, c.starts, c.axes, c.steps);
  return moveDense(c.x, cut.first, cut.plan, c.y);
}

// dx = 0 but for the elements that were taken: dx[start + i·step] = dy[i]
bool sliceGrad_cuda(const sliceGrad_call& c) {
  const int64_t bytes = elementBytes(c.dx.dtype);
  if (c.dx.size()) fillCard(c.dx.data, 0, static_cast<size_t>(c.dx.size() * bytes));
  if (!c.dy.size()) return true;
  const Cut cut(c.dx, c.dy, c.starts, c.axes, c.steps);
  Strided<2> plan;
  int64_t dense = c.dy.size();
  for (int d = 0; d < cut.plan.rank; d++) {
    dense /= cut.plan.shape[d];
    plan.push(cut.plan.shape[d], {cut.plan.strides[0][d], dense});
  }
  moveAlong(plan, bytes, c.dx.as<char>() + cut.first * bytes, c.dy.data);
  return true;
}

// y = the inputs one after the other along an axis: a launch for each.
bool concat_cuda(const concat_call& c) {
  const int axis = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.y.rank : c.axis.integer());
  const int64_t bytes = elementBytes(c.y.dtype), pitch = c.y.count(axis, c.y.rank);
  int64_t offset = 0;
  for (int k = 0; k < c.xs.count; k++) {
    const View& x = c.xs[k];
    const int64_t run = x.count(axis, x.rank);
    EXPECT(x.count(0, axis) == c.y.count(0, axis) && offset + run <= pitch);
    Strided<2> plan;
    plan.push(x.count(0, axis), {pitch, run});
    plan.push(run, {1, 1});
    moveAlong(plan, bytes, c.y.as<char>() + offset * bytes, x.data);
    offset += run;
  }
  EXPECT(offset == pitch || !c.y.size());
  return true;
}

}  // namespace lowbit
