// The sizes of the convolutions. Each reads an image x (n, h, w, c) and writes an image y (n, oh, ow, out); at every tap of the window
// the channels of a group meet the group's outputs. The input gradient reads dy as x and writes dx as y, and may begin its
// sums with an image of their own.
#pragma once
#include "../../core/check.h"
#include "../../core/window.h"
#include "../../op.h"

namespace lowbit {
namespace {

// Elements from one weight to the next along each axis; outputs and channels count within their group.
struct WeightSteps {
  int64_t group, out, tap, in;
};

struct Conv {
  int64_t batch, height, width;  // of y
  int64_t channels, out, groups;
  int64_t groupIn, groupOut;  // channels and outputs of one group
  Window rows, columns;       // `input` is the size of x, whichever way the window goes
  WeightSteps weight;

  template <class C>
  INLINE Conv(const View& x, const View& y, const View& w, const C& call)
      : batch(x.dim(0)),
        height(y.dim(1)),
        width(y.dim(2)),
        channels(x.dim(3)),
        out(y.dim(3)),
        groups(call.groups.integer()),
        groupIn(channels / groups),
        groupOut(out / groups),
        rows{x.dim(1), w.dim(1), call.strides[0], call.dilations[0], call.pads[0]},
        columns{x.dim(2), w.dim(2), call.strides[1], call.dilations[1], call.pads[1]},
        weight{groupOut * depth(), depth(), groupIn, 1} {
    EXPECT(x.rank == 4 && y.rank == 4 && w.rank == 4 && y.dim(0) == batch);
    EXPECT(groupIn * groups == channels && groupOut * groups == out && w.size() == out * depth());
  }
  // Products of one output, if no tap is outside.
  INLINE int64_t depth() const { return rows.kernel * columns.kernel * groupIn; }
};

// Weights are (out, kh, kw, c/groups).
template <class C> INLINE Conv convOf(const C& call) {
  EXPECT(call.w.dim(0) == call.y.dim(3) && call.bias.size() == call.y.dim(3));
  return Conv(call.x, call.y, call.w, call);
}

// Here axis 0 of the weights are the channels that are read, and the last axis those that are written.
INLINE Conv convOf(const conv2dInputGrad_call& call) {
  EXPECT(call.w.dim(0) == call.dy.dim(3) && (!call.plus.size() || call.plus.size() == call.dx.size()));
  Conv conv(call.dy, call.dx, call.w, call);
  const int64_t taps = conv.rows.kernel * conv.columns.kernel;
  conv.weight = {conv.groupIn * taps * conv.groupOut, 1, conv.groupOut, taps * conv.groupOut};
  return conv;
}

}  // namespace
}  // namespace lowbit
