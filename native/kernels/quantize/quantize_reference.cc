// Between real numbers and codes: x (any shape), scale and zeroPoint [] or [1] for the whole tensor, or [n] along one axis.
#include <limits>
#include <type_traits>

#include "../../core/half.h"
#include "../../op.h"
#include "grid.h"
#include "runs.h"

namespace lowbit {
namespace {

Runs scaleRuns(const View& x, const View& scale, const View& zeroPoint, const Param& axis) {
  EXPECT(scale.dtype == Dtype::float32 && zeroPoint.size() == scale.size());
  if (scale.size() == 1) return Runs::whole(x);
  Runs runs = Runs::along(x, axis.integer());
  EXPECT(runs.channels == scale.size());
  return runs;
}

template <class Real> void roundTrip(const float* x, float* y, int64_t count, float scale, double low, double high) {
  const Grid<Real> grid{scale, static_cast<Real>(low), static_cast<Real>(high)};
  for (int64_t i = 0; i < count; i++) y[i] = static_cast<float>(grid(x[i])) * scale;
}

template <class Real> void passThrough(const float* dy, const float* x, float* dx, int64_t count, float scale, double low, double high) {
  const Grid<Real> grid{scale, static_cast<Real>(low), static_cast<Real>(high)};
  for (int64_t i = 0; i < count; i++) dx[i] = grid.holds(x[i]) ? dy[i] : 0.0f;
}

template <class X, class Q> void quantizeTyped(const quantize_call& c) {
  using Real = std::conditional_t<sizeof(Q) < 4, float, double>;
  using Wide = std::conditional_t<sizeof(Q) < 4, int32_t, int64_t>;
  const X* in = c.x.as<X>();
  const Q* zeros = c.zeroPoint.as<Q>();
  const float* scales = c.scale.as<float>();
  Q* out = c.y.as<Q>();
  Runs runs = scaleRuns(c.x, c.scale, c.zeroPoint, c.axis);
  runs.each([=, channels = runs.channels](int64_t run, int64_t begin, int64_t end) {
    const Wide zero = zeros[run % channels];
    const Grid<Real> grid{scales[run % channels], static_cast<Real>(Wide(std::numeric_limits<Q>::min()) - zero),
                          static_cast<Real>(Wide(std::numeric_limits<Q>::max()) - zero)};
    const X* from = in;
    Q* to = out;
    for (int64_t i = begin; i < end; i++) to[i] = static_cast<Q>(static_cast<Wide>(grid(static_cast<float>(from[i]))) + zero);
  });
}

template <class X> bool quantizeFrom(const quantize_call& c) {
  switch (c.y.dtype) {
    case Dtype::int8: quantizeTyped<X, int8_t>(c); return true;
    case Dtype::uint8: quantizeTyped<X, uint8_t>(c); return true;
    case Dtype::int16: quantizeTyped<X, int16_t>(c); return true;
    case Dtype::uint16: quantizeTyped<X, uint16_t>(c); return true;
    case Dtype::int32: quantizeTyped<X, int32_t>(c); return true;
    default: EXPECT(!"a quantized element type"); return false;
  }
}

template <class Q> bool dequantizeTyped(const dequantize_call& c) {
  using Wide = std::conditional_t<sizeof(Q) < 4, int32_t, int64_t>;
  const Q *in = c.x.as<Q>(), *zeros = c.zeroPoint.as<Q>();
  const float* scales = c.scale.as<float>();
  float* out = c.y.as<float>();
  Runs runs = scaleRuns(c.x, c.scale, c.zeroPoint, c.axis);
  runs.each([=, channels = runs.channels](int64_t run, int64_t begin, int64_t end) {
    const Wide zero = zeros[run % channels];
    const float scale = scales[run % channels];
    for (int64_t i = begin; i < end; i++) out[i] = static_cast<float>(in[i] - zero) * scale;
  });
  return true;
}

}  // namespace

// y = clamp(rne(x / s) + z, range of y's type)
bool quantize_reference(const quantize_call& c) {
  EXPECT(c.zeroPoint.dtype == c.y.dtype);
  switch (c.x.dtype) {
    case Dtype::float32: return quantizeFrom<float>(c);
    case Dtype::float16: return quantizeFrom<half>(c);
    default: EXPECT(!"float32 or float16"); return false;
  }
}

// y = f32(x - z)·s
bool dequantize_reference(const dequantize_call& c) {
  EXPECT(c.zeroPoint.dtype == c.x.dtype);
  switch (c.x.dtype) {
    case Dtype::int8: return dequantizeTyped<int8_t>(c);
    case Dtype::uint8: return dequantizeTyped<uint8_t>(c);
    case Dtype::int16: return dequantizeTyped<int16_t>(c);
    case Dtype::uint16: return dequantizeTyped<uint16_t>(c);
    case Dtype::int32: return dequantizeTyped<int32_t>(c);
    default: EXPECT(!"a quantized element type"); return false;
  }
}

// y = f32(clamp(rne(x / s) + z, qmin, qmax) - z)·s
bool fakeQuantize_reference(const fakeQuantize_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.zeroPoint.dtype == Dtype::int32);
  const float *in = c.x.as<float>(), *scales = c.scale.as<float>();
  const int32_t* zeros = c.zeroPoint.as<int32_t>();
  float* out = c.y.as<float>();
  const double qmin = c.qmin, qmax = c.qmax;
  Runs runs = scaleRuns(c.x, c.scale, c.zeroPoint, c.axis);
  runs.each([=, channels = runs.channels](int64_t run, int64_t begin, int64_t end) {
    const float scale = scales[run % channels];
    const double low = qmin - zeros[run % channels], high = qmax - zeros[run % channels];
    if (low > -kExact && high < kExact) roundTrip<float>(in + begin, out + begin, end - begin, scale, low, high);
    else roundTrip<double>(in + begin, out + begin, end - begin, scale, low, high);
  });
  return true;
}

// dx = dy where qmin <= rne(x / s) + z <= qmax, else 0
bool fakeQuantizeGrad_reference(const fakeQuantizeGrad_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.dy.dtype == Dtype::float32 && c.zeroPoint.dtype == Dtype::int32);
  const float *dys = c.dy.as<float>(), *xs = c.x.as<float>(), *scales = c.scale.as<float>();
  const int32_t* zeros = c.zeroPoint.as<int32_t>();
  float* out = c.dx.as<float>();
  const double qmin = c.qmin, qmax = c.qmax;
  Runs runs = scaleRuns(c.x, c.scale, c.zeroPoint, c.axis);
  runs.each([=, channels = runs.channels](int64_t run, int64_t begin, int64_t end) {
    const float scale = scales[run % channels];
    const double low = qmin - zeros[run % channels], high = qmax - zeros[run % channels];
    const auto pass = low > -kExact && high < kExact ? passThrough<float> : passThrough<double>;
    pass(dys + begin, xs + begin, out + begin, end - begin, scale, low, high);
  });
  return true;
}

}  // namespace lowbit
