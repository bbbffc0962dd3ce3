// The sizes of the weight gradient of a convolution: dy (n, oh, ow, out), x (n, h, w, c), dw (out, kh, kw, c/groups).
#pragma once
#include "../../core/check.h"
#include "../../core/chunks.h"
#include "../../core/window.h"
#include "../../op.h"

namespace lowbit {
namespace {

struct WeightGrad {
  int64_t batch, height, width, out;  // of dy
  int64_t channels, groups, groupIn, groupOut;
  Window rows, columns;
  Chunks chunks;

  explicit WeightGrad(const conv2dWeightGrad_call& call)
      : batch(call.dy.dim(0)),
        height(call.dy.dim(1)),
        width(call.dy.dim(2)),
        out(call.dy.dim(3)),
        channels(call.x.dim(3)),
        groups(call.groups.integer()),
        groupIn(channels / groups),
        groupOut(out / groups),
        rows{call.x.dim(1), call.kernel[0], call.strides[0], call.dilations[0], call.pads[0]},
        columns{call.x.dim(2), call.kernel[1], call.strides[1], call.dilations[1], call.pads[1]},
        chunks(batch * height, width, call.dw.size()) {
    EXPECT(call.dy.rank == 4 && call.x.rank == 4 && call.x.dim(0) == batch && call.x.dtype == call.dy.dtype);
    EXPECT(groupIn * groups == channels && groupOut * groups == out && call.dw.size() == out * depth());
  }
  // About where in x the window of a pixel begins, never outside x.
  int64_t origin(int64_t pixel) const {
    const int64_t line = pixel / width, row = rows.start(line % height);
    const int64_t inside = row < 0 ? 0 : smaller(row, rows.input);
    return (line / height * rows.input + inside) * columns.input * channels;
  }
  // Weights of one output.
  int64_t depth() const { return rows.kernel * columns.kernel * groupIn; }
};

}  // namespace
}  // namespace lowbit
