// Plain functions of one tensor on the card, and activation functions with their ONNX parameters, computed in double and rounded once as in
// the reference. Comparisons are written so that NaN stays NaN.
#include <cmath>

#include "../../core/convert.h"
#include "../../core/wrap.h"
#include "../../cpu/f32/formula.h"
#include "../../op.h"
#include "activation.h"
#include "map.cuh"

namespace lowbit {
namespace {

struct Absolute {
  template <class T> DEVICE T operator()(T x) const {
    if constexpr (std::is_integral_v<T>) return x < 0 ? negated(x) : x;
    else return std::fabs(x);
  }
};
struct Opposite {
  template <class T> DEVICE T operator()(T x) const { return negated(x); }
};
struct Sign {
  template <class T> DEVICE T operator()(T x) const { return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x; }
};
template <class C> struct Clipped {
  C low, high;
  DEVICE C operator()(C x) const {
    const C raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
};

// Rounded to an integer, or a square root: the same numbers in float32 as in double.
struct Ceil {
  template <class T> DEVICE T operator()(T x) const { return std::ceil(x); }
};
struct Floor {
  template <class T> DEVICE T operator()(T x) const { return std::floor(x); }
};
struct Nearest {
  template <class T> DEVICE T operator()(T x) const { return std::rint(x); }
};
struct Root {
  template <class T> DEVICE T operator()(T x) const { return root(x); }
};
struct Reciprocal {
  DEVICE double operator()(double x) const { return 1 / x; }
};

struct HardSigmoid {
  double alpha, beta;
  DEVICE double operator()(double x) const { return clampToUnit(alpha * x + beta); }
};
struct HardSwish {
  DEVICE double operator()(double x) const { return x * clampToUnit(x / 6 + 0.5); }
};
struct LeakyRelu {
  double alpha;
  DEVICE double operator()(double x) const { return x < 0 ? alpha * x : x; }
};
struct ThresholdedRelu {
  double alpha;
  DEVICE double operator()(double x) const { return x > alpha ? x : 0; }
};
struct Softsign {
  DEVICE double operator()(double x) const { return x / (1 + std::fabs(x)); }
};
// gamma·x, or gamma·alpha·(e^(x / width) - 1) below 0
struct Exponential {
  double alpha, gamma, width;
  DEVICE double operator()(double x) const { return gamma * (x < 0 ? alpha * std::expm1(x / width) : x); }
};
struct Softplus {
  DEVICE double operator()(double x) const { return logOnePlusExp(x); }
};
struct Mish {
  DEVICE double operator()(double x) const { return x * std::tanh(logOnePlusExp(x)); }
};

}  // namespace

bool abs_cuda(const abs_call& c) { return mapNumbers(Absolute(), c.y, c.x); }
bool neg_cuda(const neg_call& c) { return mapNumbers(Opposite(), c.y, c.x); }
bool sign_cuda(const sign_call& c) { return mapNumbers(Sign(), c.y, c.x); }
bool clip_cuda(const clip_call& c) {
  return asCardNumber(c.y.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    compute<T, T>(Clipped<C>{convert<C>(c.min.real(0)), convert<C>(c.max.real(0))}, c.y, c.x);
  });
}
bool ceil_cuda(const ceil_call& c) { return mapReals(Ceil(), c.y, c.x); }
bool floor_cuda(const floor_call& c) { return mapReals(Floor(), c.y, c.x); }
bool round_cuda(const round_call& c) { return mapReals(Nearest(), c.y, c.x); }
bool sqrt_cuda(const sqrt_call& c) { return mapReals(Root(), c.y, c.x); }
bool reciprocal_cuda(const reciprocal_call& c) { return mapReals(Reciprocal(), c.y, c.x); }

bool hardSigmoid_cuda(const hardSigmoid_call& c) { return mapReals(HardSigmoid{c.alpha, c.beta}, c.y, c.x); }
bool hardSwish_cuda(const hardSwish_call& c) { return mapReals(HardSwish(), c.y, c.x); }
bool leakyRelu_cuda(const leakyRelu_call& c) { return mapReals(LeakyRelu{c.alpha}, c.y, c.x); }
bool thresholdedRelu_cuda(const thresholdedRelu_call& c) { return mapReals(ThresholdedRelu{c.alpha}, c.y, c.x); }
bool softsign_cuda(const softsign_call& c) { return mapReals(Softsign(), c.y, c.x); }
bool elu_cuda(const elu_call& c) { return mapRounded(Exponential{c.alpha, 1, 1}, c.y, c.x); }
bool selu_cuda(const selu_call& c) { return mapRounded(Exponential{c.alpha, c.gamma, 1}, c.y, c.x); }
bool celu_cuda(const celu_call& c) { return mapRounded(Exponential{c.alpha, 1, c.alpha}, c.y, c.x); }
bool softplus_cuda(const softplus_call& c) { return mapRounded(Softplus(), c.y, c.x); }
bool mish_cuda(const mish_call& c) { return mapRounded(Mish(), c.y, c.x); }

}  // namespace lowbit
