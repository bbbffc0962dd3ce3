// Optimizer steps of one parameter, written once for a float and for a Vector of them. Constants are formed in double and rounded once;
// control is (learning rate, factor of the gradient, number of the step from 1). A rule takes its constants from any call that has
// parameters of their names; on a card its control is known to the kernel alone.
#pragma once
#include "formula.h"

namespace lowbit {
namespace {

INLINE bool isFloats(const View& x, int64_t size) { return x.dtype == Dtype::float32 && x.size() == size; }

INLINE bool isControl(const View& x) { return isFloats(x, 3); }

// A step without numbers in its control is left out: nothing is written.
INLINE bool isLeftOut(const float* control) { return control[0] != control[0] || control[1] != control[1]; }
INLINE bool isLeftOut(const View& control) { return isLeftOut(control.as<float>()); }

// What a rule has before it knows its control.
struct SgdConstants {
  float decay, momentum, undamped;
  bool nesterov;

  template <class Call>
  INLINE explicit SgdConstants(const Call& c)
      : decay(static_cast<float>(c.weightDecay)),
        momentum(static_cast<float>(c.momentum)),
        undamped(static_cast<float>(1 - c.dampening)),
        nesterov(c.nesterov != 0) {}
};

// g = gradientScale·gradient + weightDecay·p
// v = step = 1 ? g : momentum·v + (1 − dampening)·g
// p = p − learningRate·(nesterov ? g + momentum·v : v)         without momentum p − learningRate·g
struct SgdRule : SgdConstants {
  float rate, scale;
  bool first;

  INLINE SgdRule(const SgdConstants& constants, const float* control)
      : SgdConstants(constants), rate(control[0]), scale(control[1]), first(control[2] == 1) {}
  template <class Call> INLINE explicit SgdRule(const Call& c) : SgdRule(SgdConstants(c), c.control.template as<float>()) {}

  template <class V> INLINE V decayed(V parameter, V gradient) const {
    const V g = scale * gradient;
    return decay != 0 ? fused(decay, parameter, g) : g;
  }
  template <class V> INLINE void step(V& parameter, V gradient) const { parameter = fused(-rate, decayed(parameter, gradient), parameter); }
  template <class V> INLINE void step(V& parameter, V gradient, V& velocity) const {
    const V g = decayed(parameter, gradient);
    velocity = first ? g : fused(momentum, velocity, undamped * g);
    parameter = fused(-rate, nesterov ? fused(momentum, velocity, g) : velocity, parameter);
  }
};

// x^n by squaring: of the same bytes on every device.
INLINE double power(double x, int64_t n) {
  double y = 1;
  for (; n > 0; n >>= 1, x *= x)
    if (n & 1) y *= x;
  return y;
}

struct AdamConstants {
  double beta1, beta2, weightDecay;
  float old1, fresh1, old2, fresh2, epsilon;
  bool decoupled;

  template <class Call>
  INLINE explicit AdamConstants(const Call& c)
      : beta1(c.beta1),
        beta2(c.beta2),
        weightDecay(c.weightDecay),
        old1(static_cast<float>(beta1)),
        fresh1(static_cast<float>(1 - beta1)),
        old2(static_cast<float>(beta2)),
        fresh2(static_cast<float>(1 - beta2)),
        epsilon(static_cast<float>(c.epsilon)),
        decoupled(c.decoupled != 0) {}
};

// p = p − learningRate·weightDecay·p where the decay is decoupled, else g = gradientScale·gradient + weightDecay·p
// m = beta1·m + (1 − beta1)·g,  v = beta2·v + (1 − beta2)·g²
// p = p − learningRate / (1 − beta1^step) · m / (√v / √(1 − beta2^step) + epsilon)
struct AdamRule : AdamConstants {
  float scale, decay, keep, size, correction;

  INLINE AdamRule(const AdamConstants& constants, const float* control) : AdamConstants(constants), scale(control[1]) {
    const double rate = control[0];
    const auto step = static_cast<int64_t>(control[2]);
    decay = decoupled ? 0 : static_cast<float>(weightDecay);
    keep = decoupled ? static_cast<float>(1 - rate * weightDecay) : 1;
    size = static_cast<float>(rate / (1 - power(beta1, step)));
    correction = static_cast<float>(1 / root(1 - power(beta2, step)));
  }
  template <class Call> INLINE explicit AdamRule(const Call& c) : AdamRule(AdamConstants(c), c.control.template as<float>()) {}

  template <class V> INLINE void step(V& parameter, V gradient, V& m, V& v) const {
    V g = scale * gradient;
    if (decay != 0) g = fused(decay, parameter, g);
    m = fused(old1, m, fresh1 * g);
    v = fused(old2, v, fresh2 * g * g);
    parameter = fused(-size, m / (correction * root(v) + epsilon), keep * parameter);
  }
};

}  // namespace
}  // namespace lowbit
