// y[n, oh, ow, o] = out(bias[o] + Σ_{kh, kw, i} (x[n, oh·sh - pt + kh·dh, ow·sw - pl + kw·dw, g·I + i] - zx)·(w[o, kh, kw, i] - zw),
// scale[o]) with x (n, h, w, c), w (o, kh, kw, I = c / groups), g the group of o; taps outside the image are skipped, as they would add 0.
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

template <class X> void convolve(const qconv2d_call& c, const X* x) {
  const int64_t height = c.x.shape[1], width = c.x.shape[2], channels = c.x.shape[3];
  const int64_t rows = c.y.shape[1], columns = c.y.shape[2], outputs = c.y.shape[3];
  const int64_t kh = c.w.shape[1], kw = c.w.shape[2], depth = c.w.shape[3], perGroup = outputs / c.groups.integer();
  const int32_t xZero = static_cast<int32_t>(c.xZero.integer()), wZero = static_cast<int32_t>(c.wZero.integer());
  const int8_t* w = c.w.as<int8_t>();
  const SumOutput out{c.y, Requantize(c.yZero, c.qmin, c.qmax)};

  parallel(c.y.size(), 16384 / (kh * kw * depth + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t o = i % outputs, ow = i / outputs % columns, oh = i / outputs / columns % rows, n = i / outputs / columns / rows;
      uint32_t sum = static_cast<uint32_t>(c.bias.as<int32_t>()[o]);
      for (int64_t a = 0; a < kh; a++)
        for (int64_t b = 0; b < kw; b++) {
          const int64_t ih = oh * c.strides[0] - c.pads[0] + a * c.dilations[0], iw = ow * c.strides[1] - c.pads[1] + b * c.dilations[1];
          if (ih < 0 || ih >= height || iw < 0 || iw >= width) continue;
          const X* pixel = x + ((n * height + ih) * width + iw) * channels + o / perGroup * depth;
          const int8_t* tap = w + ((o * kh + a) * kw + b) * depth;
          for (int64_t d = 0; d < depth; d++) sum += static_cast<uint32_t>((pixel[d] - xZero) * (tap[d] - wZero));
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
