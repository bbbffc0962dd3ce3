// The sizes of a convolution: x (n, h, w, c), weights (out, kh, kw, c/groups), y (n, oh, ow, out).
#pragma once
#include "../../core/check.h"
#include "../../core/window.h"
#include "../../op.h"

namespace lowbit {
namespace {

struct Conv {
  int64_t batch, height, width, channels;  // of y, but channels of x
  int64_t out, groups;
  int64_t groupIn, groupOut;  // channels and outputs of one group
  Window rows, columns;
  const float *x, *w, *bias;
  float* y;

  // For conv2d_call and convTranspose2d_call.
  template <class C>
  INLINE explicit Conv(const C& call)
      : batch(call.x.dim(0)),
        height(call.y.dim(1)),
        width(call.y.dim(2)),
        channels(call.x.dim(3)),
        out(call.w.dim(0)),
        groups(call.groups.integer()),
        groupIn(call.w.dim(3)),
        groupOut(out / groups),
        rows{call.x.dim(1), call.w.dim(1), call.strides[0], call.dilations[0], call.pads[0]},
        columns{call.x.dim(2), call.w.dim(2), call.strides[1], call.dilations[1], call.pads[1]},
        x(call.x.template as<float>()),
        w(call.w.template as<float>()),
        bias(call.bias.template as<float>()),
        y(call.y.template as<float>()) {
    EXPECT(call.x.rank == 4 && call.w.rank == 4 && call.y.rank == 4);
    EXPECT(groupIn * groups == channels && groupOut * groups == out && call.bias.size() == out);
    EXPECT(call.y.dim(0) == batch && call.y.dim(3) == out);
  }
  // Products of one output, if no tap is outside.
  INLINE int64_t depth() const { return rows.kernel * columns.kernel * groupIn; }
};

// Of a transposed convolution: the input position whose tap lands on output `at`, or -1.
INLINE int64_t sourceOf(const Window& window, int64_t at, int64_t tap) {
  const int64_t offset = at + window.pad - tap * window.dilation;
  return offset >= 0 && offset % window.stride == 0 && offset / window.stride < window.input ? offset / window.stride : -1;
}

// A 1x1 convolution sees no rows: all pixels become one.
INLINE Conv flattened(Conv p) {
  const auto plain = [](const Window& w) { return w.kernel == 1 && w.stride == 1 && w.pad == 0; };
  const int64_t pixels = p.batch * p.height * p.width;
  if (!plain(p.rows) || !plain(p.columns) || p.height != p.rows.input || p.width != p.columns.input) return p;
  p.batch = p.height = p.rows.input = 1;
  p.width = p.columns.input = pixels;
  return p;
}

}  // namespace
}  // namespace lowbit
