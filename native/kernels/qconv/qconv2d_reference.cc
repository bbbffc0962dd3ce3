// y[n, oh, ow, o] = out(bias[o] + Σ_{kh, kw, i} (x[n, oh·sh - pt + kh·dh, ow·sw - pl + kw·dw, g·I + i] - zx)·(w[o, kh, kw, i] - zw),
// scale[o]) with x (n, h, w, c), w (o, kh, kw, I = c / groups), g the group of o; taps outside the image are skipped, as they would add 0.
#include "../../core/dot.h"
#include "../../core/rounding.h"
#include "../../core/window.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

template <class X> void convolve(const qconv2d_call& c, const X* x) {
  const int64_t channels = c.x.shape[3], height = c.y.shape[1], width = c.y.shape[2], outputs = c.y.shape[3];
  const int64_t depth = c.w.shape[3], perGroup = outputs / c.groups.integer();
  const Window rows{c.x.shape[1], c.w.shape[1], c.strides[0], c.dilations[0], c.pads[0]};
  const Window columns{c.x.shape[2], c.w.shape[2], c.strides[1], c.dilations[1], c.pads[1]};
  // The taps of a row are neighbours in x as they are in w.
  const bool neighbours = columns.dilation == 1 && depth == channels;
  const int32_t xZero = static_cast<int32_t>(c.xZero.integer()), wZero = static_cast<int32_t>(c.wZero.integer());
  const int8_t* w = c.w.as<int8_t>();
  const SumOutput out{c.y, Requantize(c.yZero, c.qmin, c.qmax)};

  parallel(c.y.size(), 16384 / (rows.kernel * columns.kernel * depth + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t o = i % outputs, ow = i / outputs % width, oh = i / outputs / width % height, n = i / outputs / width / height;
      const Inside inRows = rows.taps(oh), inColumns = columns.taps(ow);
      const int64_t together = neighbours ? inColumns.end - inColumns.first : 1;
      uint32_t sum = static_cast<uint32_t>(c.bias.as<int32_t>()[o]);
      for (int64_t a = inRows.first; a < inRows.end; a++)
        for (int64_t b = inColumns.first; b < inColumns.end; b += together) {
          const int64_t ih = rows.start(oh) + a * rows.dilation, iw = columns.start(ow) + b * columns.dilation;
          const X* pixels = x + ((n * rows.input + ih) * columns.input + iw) * channels + o / perGroup * depth;
          const int8_t* taps = w + ((o * rows.kernel + a) * columns.kernel + b) * depth;
          sum = dot(sum, pixels, taps, together * depth, xZero, wZero);
        }
      out.put(i, static_cast<int32_t>(sum), c.scale.as<float>()[o]);
    }
  });
}

}  // namespace

bool qconv2d_reference(const qconv2d_call& c) {
  EXPECT(c.w.dtype == Dtype::int8 && c.x.shape[3] == c.w.shape[3] * c.groups.integer() && c.y.shape[3] == c.w.shape[0]);
  EXPECT(c.bias.size() == c.w.shape[0] && c.scale.size() == c.w.shape[0] && c.pads.count == 4 && c.strides.count == 2);
  withCodes(c.x, [&](auto x) { convolve(c, x); });
  return true;
}

}  // namespace lowbit
