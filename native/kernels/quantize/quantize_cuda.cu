// Between real numbers and codes on the card: one pass, 16 bytes a thread. Scales and zero points lie on the card as well; an IEEE division
// for each element is what remains to compute, and memory is the limit.
#include <limits>

#include "../../op.h"
#include "channels.cuh"
#include "grid.h"

namespace lowbit {
namespace {

// Code q of a channel: clamp(rne(x / s) + z, range of Q)
template <class Q> struct QuantizeTo {
  using Real = std::conditional_t<sizeof(Q) < 4, float, double>;
  using Wide = std::conditional_t<sizeof(Q) < 4, int32_t, int64_t>;
  const float* scales;
  const Q* zeros;

  struct Channel {
    Grid<Real> grid;
    Wide zero;
    DEVICE Q operator()(float x) const { return static_cast<Q>(static_cast<Wide>(grid(x)) + zero); }
  };
  DEVICE Channel at(int64_t channel) const {
    const Wide zero = zeros[channel], least = std::numeric_limits<Q>::min(), most = std::numeric_limits<Q>::max();
    return {{scales[channel], static_cast<Real>(least - zero), static_cast<Real>(most - zero)}, zero};
  }
};

// f32(q - z)·s
template <class Q> struct DequantizeFrom {
  using Wide = std::conditional_t<sizeof(Q) < 4, int32_t, int64_t>;
  const float* scales;
  const Q* zeros;

  struct Channel {
    float scale;
    Wide zero;
    DEVICE float operator()(Q code) const { return static_cast<float>(code - zero) * scale; }
  };
  DEVICE Channel at(int64_t channel) const { return {scales[channel], zeros[channel]}; }
};

// What fakeQuantize and its gradient share: codes [qmin, qmax] of a channel. Bounds that float32 cannot hold are compared in double.
struct FakeChannel {
  Grid<float> near;
  Grid<double> far;
  bool exact;

  DEVICE FakeChannel(float scale, int64_t low, int64_t high)
      : near{scale, static_cast<float>(low), static_cast<float>(high)},
        far{scale, static_cast<double>(low), static_cast<double>(high)},
        exact(low > -static_cast<int64_t>(kExact) && high < static_cast<int64_t>(kExact)) {}
  DEVICE float roundTrip(float x) const { return exact ? near(x) * near.scale : static_cast<float>(far(x)) * far.scale; }
  DEVICE float gradient(float dy, float x) const { return (exact ? near.holds(x) : far.holds(x)) ? dy : 0.0f; }
};

struct FakeQuantizer {
  const float* scales;
  const int32_t* zeros;
  int64_t qmin, qmax;

  struct Channel : FakeChannel {
    DEVICE float operator()(float x) const { return roundTrip(x); }
    DEVICE float operator()(float dy, float x) const { return gradient(dy, x); }
  };
  DEVICE Channel at(int64_t channel) const { return {{scales[channel], qmin - zeros[channel], qmax - zeros[channel]}}; }
};

template <class F> bool asCodes(Dtype dtype, F&& body) {
  switch (dtype) {
    case Dtype::int8: return body(Type<int8_t>()), true;
    case Dtype::uint8: return body(Type<uint8_t>()), true;
    case Dtype::int16: return body(Type<int16_t>()), true;
    case Dtype::uint16: return body(Type<uint16_t>()), true;
    case Dtype::int32: return body(Type<int32_t>()), true;
    default: return false;
  }
}

// A range that follows the batches gives one scale and zero point; 0 stands for the scale while it waits.
struct Followed {
  float scale;
  int32_t zero;
};

// The codes of range.h, scale = f32((max − min) / qmax), zero point = clamp(rne(−min / scale), 0, qmax), in double.
__global__ void codesOfRange(const float* __restrict__ range, double qmax, double delay, Followed* __restrict__ codes) {
  const double least = fmin(static_cast<double>(range[0]), 0.0), most = fmax(static_cast<double>(range[1]), 0.0);
  float scale = static_cast<float>((most - least) / qmax);
  if (!(scale > 0x1p-100f)) scale = 1;
  const int32_t zero = static_cast<int32_t>(fmax(0.0, fmin(rint(-least / scale), qmax)));
  *codes = {range[2] < delay ? 0.0f : scale, zero};
}

struct FollowedQuantizer {
  const Followed* codes;
  int64_t qmax;

  struct Channel : FakeChannel {
    DEVICE float operator()(float x) const { return near.scale == 0 ? x : roundTrip(x); }
    DEVICE float operator()(float dy, float x) const { return near.scale == 0 ? dy : gradient(dy, x); }
  };
  DEVICE Channel at(int64_t) const { return {{codes->scale, int64_t{-1} * codes->zero, qmax - codes->zero}}; }
};

// next as in range_reference.cc
__global__ void follow(const float* __restrict__ range, const float* __restrict__ batch, double decay, float* __restrict__ next) {
  const double keep = range[2] > 0 ? decay : 0;
  next[0] = static_cast<float>(keep * range[0] + (1 - keep) * fmin(static_cast<double>(batch[0]), 0.0));
  next[1] = static_cast<float>(keep * range[1] + (1 - keep) * fmax(static_cast<double>(batch[1]), 0.0));
  next[2] = range[2] + 1;
}

// One thread makes the range's codes, all others use them.
template <class... Reals> void computeInRange(const View& range, const Param& qmax, const Param& delay, const View& y, const Reals&... x) {
  EXPECT(range.dtype == Dtype::float32 && range.size() == 3);
  const CardScratch codes(sizeof(Followed));
  run(codesOfRange, {dim3(1), dim3(1)}, range.as<float>(), double{qmax}, double{delay}, codes.as<Followed>());
  computeByChannels(FollowedQuantizer{codes.as<Followed>(), qmax.integer()}, {}, y.size(), y.as<float>(), x.template as<const float>()...);
}

}  // namespace

bool quantize_cuda(const quantize_call& c) {
  EXPECT(c.scale.dtype == Dtype::float32 && c.zeroPoint.dtype == c.y.dtype);
  return asCodes(c.y.dtype, [&]<class Q>(Type<Q>) {
    const QuantizeTo<Q> f{c.scale.as<float>(), c.zeroPoint.as<Q>()};
    const Channels channels = channelsOf(c.x, c.scale, c.axis);
    if (c.x.dtype == Dtype::float16) computeByChannels(f, channels, c.y.size(), c.y.as<Q>(), c.x.as<const half>());
    else computeByChannels(f, channels, c.y.size(), c.y.as<Q>(), c.x.as<const float>());
  });
}

bool dequantize_cuda(const dequantize_call& c) {
  EXPECT(c.scale.dtype == Dtype::float32 && c.zeroPoint.dtype == c.x.dtype);
  return asCodes(c.x.dtype, [&]<class Q>(Type<Q>) {
    const DequantizeFrom<Q> f{c.scale.as<float>(), c.zeroPoint.as<Q>()};
    computeByChannels(f, channelsOf(c.x, c.scale, c.axis), c.y.size(), c.y.as<float>(), c.x.as<const Q>());
  });
}

bool fakeQuantize_cuda(const fakeQuantize_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.zeroPoint.dtype == Dtype::int32);
  const FakeQuantizer f{c.scale.as<float>(), c.zeroPoint.as<int32_t>(), c.qmin.integer(), c.qmax.integer()};
  computeByChannels(f, channelsOf(c.x, c.scale, c.axis), c.y.size(), c.y.as<float>(), c.x.as<const float>());
  return true;
}

bool fakeQuantizeGrad_cuda(const fakeQuantizeGrad_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.dy.dtype == Dtype::float32 && c.zeroPoint.dtype == Dtype::int32);
  const FakeQuantizer f{c.scale.as<float>(), c.zeroPoint.as<int32_t>(), c.qmin.integer(), c.qmax.integer()};
  computeByChannels(f, channelsOf(c.x, c.scale, c.axis), c.dx.size(), c.dx.as<float>(), c.dy.as<const float>(), c.x.as<const float>());
  return true;
}

bool followRange_cuda(const followRange_call& c) {
  EXPECT(c.range.dtype == Dtype::float32 && c.range.size() == 3 && c.batch.dtype == Dtype::float32 && c.batch.size() == 2);
  run(follow, {dim3(1), dim3(1)}, c.range.as<float>(), c.batch.as<float>(), double{c.decay}, c.next.as<float>());
  return true;
}

bool fakeQuantizeRange_cuda(const fakeQuantizeRange_call& c) {
  computeInRange(c.range, c.qmax, c.delay, c.y, c.x);
  return true;
}

bool fakeQuantizeRangeGrad_cuda(const fakeQuantizeRangeGrad_call& c) {
  computeInRange(c.range, c.qmax, c.delay, c.dx, c.dy, c.x);
  return true;
}

}  // namespace lowbit
