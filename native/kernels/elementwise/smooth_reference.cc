// Smooth functions and their slopes. float32 is computed by cpu/f32/functions.h, one lane at a time; the other types in double with
// <cmath>, rounded once. dx = dy·slope.
#include <cmath>

#include "../../op.h"
#include "smooth.h"
#include "smoothReal.h"
#include "zip.h"

namespace lowbit {
namespace {

template <class F, class D> bool mapSmooth(const View& x, const View& y, F ofFloat, D ofDouble) {
  if (x.dtype == Dtype::float32) map<float, float>(x, y, ofFloat);
  else blockwise<double>(y, ofDouble, x);
  return true;
}

template <class F, class D> bool mapSlopes(const View& dy, const View& x, const View& dx, F ofFloat, D ofDouble) {
  return zipReal(dy, x, dx, [=]<class C>(C outer, C value) {
    if constexpr (std::is_same_v<C, float>) return outer * ofFloat(value);
    else return outer * ofDouble(value);
  });
}

}  // namespace

bool exp_reference(const exp_call& c) {
  return mapSmooth(c.x, c.y, exponential, [](double x) { return std::exp(x); });
}
bool log_reference(const log_call& c) {
  return mapSmooth(c.x, c.y, logarithm, [](double x) { return std::log(x); });
}
bool tanh_reference(const tanh_call& c) {
  return mapSmooth(c.x, c.y, hyperbolicTangent, [](double x) { return std::tanh(x); });
}
bool erf_reference(const erf_call& c) {
  return mapSmooth(c.x, c.y, errorFunction, [](double x) { return std::erf(x); });
}
// y = 1 / (1 + e^-x)
bool sigmoid_reference(const sigmoid_call& c) { return mapSmooth(c.x, c.y, logistic, sigmoid); }
// y = x·sigmoid(x)
bool silu_reference(const silu_call& c) {
  return mapSmooth(c.x, c.y, siluOf, [](double x) { return x * sigmoid(x); });
}
// y = x·Φ(x), Φ the normal distribution, or Φ by its tanh approximation
bool gelu_reference(const gelu_call& c) {
  enum { none, tanh };
  if (c.approximate.integer() == tanh) return mapSmooth(c.x, c.y, geluTanhOf, geluTanh);
  return mapSmooth(c.x, c.y, geluOf, gelu);
}

bool tanhGrad_reference(const tanhGrad_call& c) {
  return mapSlopes(c.dy, c.y, c.dx, tanhSlope, [](double y) { return 1 - y * y; });
}
bool sigmoidGrad_reference(const sigmoidGrad_call& c) {
  return mapSlopes(c.dy, c.y, c.dx, sigmoidSlope, [](double y) { return y * (1 - y); });
}
bool erfGrad_reference(const erfGrad_call& c) {
  return mapSlopes(c.dy, c.x, c.dx, erfSlope, [](double x) { return twoOverSqrtPi * std::exp(-x * x); });
}
bool siluGrad_reference(const siluGrad_call& c) { return mapSlopes(c.dy, c.x, c.dx, siluSlope, siluSlopeOf); }
bool geluGrad_reference(const geluGrad_call& c) {
  enum { none, tanh };
  if (c.approximate.integer() == tanh) return mapSlopes(c.dy, c.x, c.dx, geluTanhSlope, geluTanhSlopeOf);
  return mapSlopes(c.dy, c.x, c.dx, geluSlope, geluSlopeOf);
}

}  // namespace lowbit
