// Products of signs. y = out(acc, scale[o], bias[o]), acc = Σ ±1·±1 over the channels of the pixel or of the taps of the window.
#include <cmath>
#include <cstring>

#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "output.h"
#include "signs.h"

namespace lowbit {
namespace {

// Every output of every pixel; sum(pixel, o) is its acc. One thread has a pixel, as its signs share bytes.
template <class C, class F> void products(const C& c, int64_t pixels, int64_t outputs, int64_t depth, F&& sum) {
  const SignOutput out(c);
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  if (out.form == Form::signs) memset(c.y.data, 0, static_cast<size_t>(c.y.size()));
  parallel(pixels, 16384 / (outputs * depth + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; pixel++)
      for (int64_t o = 0; o < outputs; o++) {
        const float v = std::fma(static_cast<float>(sum(pixel, o)), c.scale.template as<float>()[o], c.bias.template as<float>()[o]);
        char* y = out.at(pixel, o);
        if (out.form == Form::float32) *reinterpret_cast<float*>(y) = v;
        else if (out.form == Form::signs) *y = static_cast<char>(*y | (v >= 0) << o % 8);
        else *y = static_cast<char>(requantize(v));
      }
  });
}

}  // namespace

// acc = Σ_k a[.., k]·b[o, k]
bool binaryGemm_reference(const binaryGemm_call& c) {
  expectProduct(c);
  const int64_t columns = c.columns.integer();
  products(c, c.a.count(0, c.a.rank - 1), c.b.shape[0], columns, [&](int64_t row, int64_t o) {
    const uint8_t *a = c.a.as<uint8_t>() + row * c.a.dim(-1), *b = c.b.as<uint8_t>() + o * c.b.shape[1];
    int32_t sum = 0;
    for (int64_t k = 0; k < columns; k++) sum += signAt(a, k) * signAt(b, k);
    return sum;
  });
  return true;
}

// acc = Σ_{kh, kw, i} x[n, oh·sh - pt + kh·dh, ow·sw - pl + kw·dw, g·I + i]·w[o, kh, kw, i], I = c / groups, g the group of o; outside the
// image x is padValue.
bool binaryConv2d_reference(const binaryConv2d_call& c) {
  expectProduct(c);
  const int64_t height = c.x.shape[1], width = c.x.shape[2], rows = c.y.shape[1], columns = c.y.shape[2];
  const int64_t outputs = c.w.shape[0], kh = c.kernel[0], kw = c.kernel[1];
  const int64_t depth = c.channels.integer() / c.groups.integer(), perGroup = outputs / c.groups.integer();
  const int padValue = static_cast<int>(c.padValue.integer());
  products(c, c.y.shape[0] * rows * columns, outputs, kh * kw * depth, [&](int64_t pixel, int64_t o) {
    const int64_t ow = pixel % columns, oh = pixel / columns % rows, n = pixel / columns / rows;
    const uint8_t* w = c.w.as<uint8_t>() + o * c.w.shape[1];
    int32_t sum = 0;
    for (int64_t tap = 0; tap < kh * kw; tap++) {
      const int64_t ih = oh * c.strides[0] - c.pads[0] + tap / kw * c.dilations[0];
      const int64_t iw = ow * c.strides[1] - c.pads[1] + tap % kw * c.dilations[1];
      const bool inside = ih >= 0 && ih < height && iw >= 0 && iw < width;
      const uint8_t* x = c.x.as<uint8_t>() + ((n * height + ih) * width + iw) * c.x.shape[3];
      for (int64_t i = 0; i < depth; i++) sum += (inside ? signAt(x, o / perGroup * depth + i) : padValue) * signAt(w, tap * depth + i);
    }
    return sum;
  });
  return true;
}

}  // namespace lowbit
