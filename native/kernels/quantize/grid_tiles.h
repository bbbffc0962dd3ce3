// quantize, dequantize, fakeQuantize and its gradient a vector at a time: x (outer, channels, inner). Where inner is 1 the scales of
// neighbouring channels are a vector too, read from tables of whole rows; few channels are repeated until a row is worth a loop.
// The limit is memory, or a division a vector where each number has a scale of its own.
#pragma once
#include "../../core/check.h"
#include "../../core/scratch.h"
#include "../../cpu/f32/codes.h"
#include "../../cpu/f32/divisor.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kGrain = 16384;

// What a channel's arithmetic needs: real = (code - zero)·scale, and the codes low + zero ... high + zero.
struct Channel {
  Vector scale, low, high;
  Codes zero;

  INLINE Vector steps(Vector x) const { return x / scale; }
};

// The same for all of a run.
struct RunChannel : Channel {
  Divisor divisor;

  INLINE Vector steps(Vector x) const { return x / divisor; }
};

// Per channel, as rows of `width` columns; a multiple of the channels where they are the last axis.
struct Grid {
  int64_t size, inner, channels, width;
  float *scales, *lows, *highs;
  int32_t* zeros;

  // zeroOf(i) is the zero point of channel i; codes go from qmin to qmax. Bounds that floats do not hold exactly make it unusable.
  template <class Zero> Grid(const View& x, const View& scale, int64_t axis, double qmin, double qmax, Zero zeroOf) : size(x.size()) {
    channels = scale.size();
    const int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    EXPECT(channels == 1 || (at >= 0 && at < x.rank && x.shape[at] == channels));
    inner = channels == 1 ? size : x.count(at + 1, x.rank);
    const int64_t repeats = inner > 1 ? 1 : channels < 64 ? 16 : 1;
    width = channels * repeats;
    const int64_t padded = width + 16;
    scales = static_cast<float*>(scratch(static_cast<size_t>(padded) * 16));
    lows = scales + padded, highs = lows + padded, zeros = reinterpret_cast<int32_t*>(highs + padded);
    for (int64_t i = 0; i < padded; i++) {
      const int64_t channel = i % channels;
      const int32_t zero = zeroOf(channel);
      const double low = qmin - zero, high = qmax - zero;
      exact &= low > -kExact && high < kExact;
      scales[i] = scale.as<float>()[channel];
      lows[i] = static_cast<float>(low);
      highs[i] = static_cast<float>(high);
      zeros[i] = zero;
    }
  }

  bool usable() const { return exact && size > 0; }

  // step(i, count, channel) for vectors that cover the tensor: elements [i, i + count), whole ones with a count of kWidth.
  template <class Step> void each(Step step) const {
    if (channels > 1 && inner == 1) eachRow(step);
    else if (channels == 1) parallel(size, kGrain, [&](int64_t begin, int64_t end) { eachOfRun(begin, end, 0, step); });
    else
      parallel(size / inner, kGrain / inner + 1, [&](int64_t first, int64_t last) {
        for (int64_t run = first; run < last; run++) eachOfRun(run * inner, (run + 1) * inner, run % channels, step);
      });
  }

 private:
  static constexpr double kExact = 1 << 22;  // as in the reference
  bool exact = true;

  template <class Step> INLINE void eachOfRun(int64_t begin, int64_t end, int64_t channel, Step& step) const {
    const RunChannel all{{repeat(scales[channel]), repeat(lows[channel]), repeat(highs[channel]), repeatCode(zeros[channel])},
                         Divisor(scales[channel])};
    const Step own = step;  // bytes that are stored might otherwise be a part of it
    int64_t i = begin;
    for (; i + kWidth <= end; i += kWidth) own(i, kWidth, all);
    if (i < end) own(i, end - i, all);
  }

  template <class Step> INLINE void eachRow(Step& step) const {
    const int64_t rows = (size + width - 1) / width;
    parallel(rows, kGrain / width + 1, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; row++) {
        const int64_t begin = row * width, columns = size - begin < width ? size - begin : width;
        int64_t j = 0;
        for (; j + kWidth <= columns; j += kWidth) step(begin + j, kWidth, at(j));
        if (j < columns) step(begin + j, columns - j, at(j));
      }
    });
  }
  INLINE Channel at(int64_t j) const { return {load(scales + j), load(lows + j), load(highs + j), loadZeros(zeros + j)}; }
};

// x / s within [low, high]; NaN counts as 0.
template <class C> INLINE Vector stepsOf(Vector x, const C& c) { return clamped(orZero(c.steps(x)), c.low, c.high); }

bool fakeQuantizeTiled(const fakeQuantize_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.zeroPoint.size() == c.scale.size());
  const int32_t* zeros = c.zeroPoint.as<int32_t>();
  const Grid grid(c.x, c.scale, c.axis.integer(), c.qmin, c.qmax, [=](int64_t i) { return zeros[i]; });
  if (!grid.usable()) return false;
  grid.each([x = c.x.as<float>(), y = c.y.as<float>()](int64_t i, int64_t count, const auto& channel) {
    Lanes(count).store(y + i, roundHalfEven(stepsOf(load(x + i), channel)) * channel.scale);
  });
  return true;
}

bool fakeQuantizeGradTiled(const fakeQuantizeGrad_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.dy.dtype == Dtype::float32 && c.zeroPoint.size() == c.scale.size());
  const int32_t* zeros = c.zeroPoint.as<int32_t>();
  const Grid grid(c.x, c.scale, c.axis.integer(), c.qmin, c.qmax, [=](int64_t i) { return zeros[i]; });
  if (!grid.usable()) return false;
  grid.each([dy = c.dy.as<float>(), x = c.x.as<float>(), dx = c.dx.as<float>()](int64_t i, int64_t count, const auto& channel) {
    const Vector one = repeat(1.0f);
    const Vector code = roundHalfEven(clamped(channel.steps(load(x + i)), channel.low - one, channel.high + one));
    Lanes(count).store(dx + i, whereWithin(code, channel.low, channel.high, load(dy + i)));
  });
  return true;
}

template <class Code> bool quantizeTo(const quantize_call& c, double qmin, double qmax) {
  const Code* zeros = c.zeroPoint.as<Code>();
  const Grid grid(c.x, c.scale, c.axis.integer(), qmin, qmax, [=](int64_t i) { return static_cast<int32_t>(zeros[i]); });
  if (!grid.usable()) return false;
  grid.each([x = c.x.as<float>(), y = c.y.as<uint8_t>()](int64_t i, int64_t count, const auto& channel) {
    storeCodes(y + i, plus(rounded(stepsOf(load(x + i), channel)), channel.zero), count);
  });
  return true;
}

bool quantizeTiled(const quantize_call& c) {
  EXPECT(c.zeroPoint.dtype == c.y.dtype && c.zeroPoint.size() == c.scale.size());
  if (c.x.dtype != Dtype::float32) return false;
  if (c.y.dtype == Dtype::uint8) return quantizeTo<uint8_t>(c, 0, 255);
  return c.y.dtype == Dtype::int8 && quantizeTo<int8_t>(c, -128, 127);
}

template <class Code> bool dequantizeFrom(const dequantize_call& c) {
  const Code* zeros = c.zeroPoint.as<Code>();
  const Grid grid(c.x, c.scale, c.axis.integer(), 0, 0, [=](int64_t i) { return static_cast<int32_t>(zeros[i]); });
  if (!grid.usable()) return false;
  grid.each([x = c.x.as<Code>(), y = c.y.as<float>()](int64_t i, int64_t count, const auto& channel) {
    Lanes(count).store(y + i, real(minus(loadCodes(x + i), channel.zero)) * channel.scale);
  });
  return true;
}

bool dequantizeTiled(const dequantize_call& c) {
  EXPECT(c.zeroPoint.dtype == c.x.dtype && c.zeroPoint.size() == c.scale.size());
  if (c.x.dtype == Dtype::uint8) return dequantizeFrom<uint8_t>(c);
  return c.x.dtype == Dtype::int8 && dequantizeFrom<int8_t>(c);
}

}  // namespace
}  // namespace lowbit
