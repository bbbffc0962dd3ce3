// Averages of codes: y = req(f32(Σ (x - z))·f32(m / n)), n the number of taps that count; x (n, h, w, c).
#include <algorithm>

#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "taps.h"

namespace lowbit {
namespace {

template <class X> void averageWindows(const qaveragePool2d_call& c, const X* x) {
  const int64_t height = c.x.shape[1], width = c.x.shape[2], channels = c.x.shape[3], rows = c.y.shape[1], columns = c.y.shape[2];
  const int64_t zero = c.xZero.integer();
  const bool countPad = c.countIncludePad.integer() != 0;
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  const float m = static_cast<float>(c.multiplier);
  uint8_t* out = c.y.as<uint8_t>();
  parallel(c.y.shape[0] * rows * columns, 1024 / (channels + 1) + 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const Taps v(i / columns % rows, c.kernel[0], c.strides[0], c.pads[0], c.pads[2], height, countPad);
      const Taps h(i % columns, c.kernel[1], c.strides[1], c.pads[1], c.pads[3], width, countPad);
      const X* image = x + i / columns / rows * height * width * channels;
      const int64_t taps = (v.end - v.begin) * (h.end - h.begin);
      const float factor = m / static_cast<float>(std::max<int64_t>(v.count * h.count, 1));
      for (int64_t channel = 0; channel < channels; channel++) {
        int64_t sum = -taps * zero;
        for (int64_t a = v.begin; a < v.end; a++)
          for (int64_t b = h.begin; b < h.end; b++) sum += image[(a * width + b) * channels + channel];
        out[i * channels + channel] = static_cast<uint8_t>(requantize(static_cast<float>(sum) * factor));
      }
    }
  });
}

// Sixty-four channels at a time, row by row through the image.
template <class X> void averageAll(const qglobalAveragePool_call& c, const X* x) {
  constexpr int64_t kBlock = 64;
  const int64_t channels = c.x.dim(-1), pixels = c.x.count(1, c.x.rank - 1), blocks = (channels + kBlock - 1) / kBlock;
  const int64_t zero = c.xZero.integer();
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  const float factor = static_cast<float>(c.multiplier) / static_cast<float>(std::max<int64_t>(pixels, 1));
  uint8_t* out = c.y.as<uint8_t>();
  parallel(c.x.shape[0] * blocks, 1024 / (pixels + 1) + 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const int64_t image = i / blocks, from = i % blocks * kBlock, count = std::min(kBlock, channels - from);
      int64_t sums[kBlock] = {};
      for (int64_t pixel = 0; pixel < pixels; pixel++)
        for (int64_t j = 0; j < count; j++) sums[j] += x[(image * pixels + pixel) * channels + from + j] - zero;
      for (int64_t j = 0; j < count; j++)
        out[image * channels + from + j] = static_cast<uint8_t>(requantize(static_cast<float>(sums[j]) * factor));
    }
  });
}

}  // namespace

bool qaveragePool2d_reference(const qaveragePool2d_call& c) {
  EXPECT(isCode(c.y) && c.x.rank == 4 && c.y.shape[3] == c.x.shape[3] && c.kernel.count == 2 && c.strides.count == 2 && c.pads.count == 4);
  withCodes(c.x, [&](auto x) { averageWindows(c, x); });
  return true;
}

// Over all axes but the first and the last.
bool qglobalAveragePool_reference(const qglobalAveragePool_call& c) {
  EXPECT(isCode(c.y) && c.x.rank >= 3 && c.y.size() == c.x.shape[0] * c.x.dim(-1));
  withCodes(c.x, [&](auto x) { averageAll(c, x); });
  return true;
}

}  // namespace lowbit
