// Smooth functions and their slopes on the card, with the reference's bytes: float32 by cpu/f32/functions.h one number at a time, halves in
// double.
#include <cmath>

#include "../../op.h"
#include "map.cuh"
#include "smooth.h"
#include "smoothReal.h"

namespace lowbit {
namespace {

struct Exp {
  static DEVICE float of(float x) { return exponential(x); }
  static DEVICE double of(double x) { return std::exp(x); }
};
struct Log {
  static DEVICE float of(float x) { return logarithm(x); }
  static DEVICE double of(double x) { return std::log(x); }
};
struct Tanh {
  static DEVICE float of(float x) { return hyperbolicTangent(x); }
  static DEVICE double of(double x) { return std::tanh(x); }
};
struct Erf {
  static DEVICE float of(float x) { return errorFunction(x); }
  static DEVICE double of(double x) { return std::erf(x); }
};
struct Sigmoid {
  static DEVICE float of(float x) { return logistic(x); }
  static DEVICE double of(double x) { return sigmoid(x); }
};
struct Silu {
  static DEVICE float of(float x) { return siluOf(x); }
  static DEVICE double of(double x) { return x * sigmoid(x); }
};
struct Gelu {
  static DEVICE float of(float x) { return geluOf(x); }
  static DEVICE double of(double x) { return gelu(x); }
};
struct GeluTanh {
  static DEVICE float of(float x) { return geluTanhOf(x); }
  static DEVICE double of(double x) { return geluTanh(x); }
};

struct TanhSlope {
  static DEVICE float of(float y) { return tanhSlope(y); }
  static DEVICE double of(double y) { return 1 - y * y; }
};
struct SigmoidSlope {
  static DEVICE float of(float y) { return sigmoidSlope(y); }
  static DEVICE double of(double y) { return y * (1 - y); }
};
struct ErfSlope {
  static DEVICE float of(float x) { return erfSlope(x); }
  static DEVICE double of(double x) { return twoOverSqrtPi * std::exp(-x * x); }
};
struct SiluSlope {
  static DEVICE float of(float x) { return siluSlope(x); }
  static DEVICE double of(double x) { return siluSlopeOf(x); }
};
struct GeluSlope {
  static DEVICE float of(float x) { return geluSlope(x); }
  static DEVICE double of(double x) { return geluSlopeOf(x); }
};
struct GeluTanhSlope {
  static DEVICE float of(float x) { return geluTanhSlope(x); }
  static DEVICE double of(double x) { return geluTanhSlopeOf(x); }
};

// F of a number, and times dy, in Real.
template <class F, class Real> struct Value {
  DEVICE Real operator()(float x) const { return F::of(static_cast<Real>(x)); }
  DEVICE Real operator()(float dy, float x) const { return dy * F::of(static_cast<Real>(x)); }
};

template <class F, class... Views> bool mapSmooth(const View& y, const Views&... x) {
  if (y.dtype != Dtype::float32) return mapRounded(Value<F, double>(), y, x...);
  compute<float, std::conditional_t<true, float, Views>...>(Value<F, float>(), y, x...);
  return true;
}

// Of the approximations of gelu, in the order of lib/ops: none, tanh.
bool isTanh(const Param& approximate) { return approximate.integer() == 1; }

}  // namespace

bool exp_cuda(const exp_call& c) { return mapSmooth<Exp>(c.y, c.x); }
bool log_cuda(const log_call& c) { return mapSmooth<Log>(c.y, c.x); }
bool tanh_cuda(const tanh_call& c) { return mapSmooth<Tanh>(c.y, c.x); }
bool erf_cuda(const erf_call& c) { return mapSmooth<Erf>(c.y, c.x); }
bool sigmoid_cuda(const sigmoid_call& c) { return mapSmooth<Sigmoid>(c.y, c.x); }
bool silu_cuda(const silu_call& c) { return mapSmooth<Silu>(c.y, c.x); }
bool gelu_cuda(const gelu_call& c) { return isTanh(c.approximate) ? mapSmooth<GeluTanh>(c.y, c.x) : mapSmooth<Gelu>(c.y, c.x); }

bool tanhGrad_cuda(const tanhGrad_call& c) { return mapSmooth<TanhSlope>(c.dx, c.dy, c.y); }
bool sigmoidGrad_cuda(const sigmoidGrad_call& c) { return mapSmooth<SigmoidSlope>(c.dx, c.dy, c.y); }
bool erfGrad_cuda(const erfGrad_call& c) { return mapSmooth<ErfSlope>(c.dx, c.dy, c.x); }
bool siluGrad_cuda(const siluGrad_call& c) { return mapSmooth<SiluSlope>(c.dx, c.dy, c.x); }
bool geluGrad_cuda(const geluGrad_call& c) {
  return isTanh(c.approximate) ? mapSmooth<GeluTanhSlope>(c.dx, c.dy, c.x) : mapSmooth<GeluSlope>(c.dx, c.dy, c.x);
}

}  // namespace lowbit
