// Optimizer steps of one parameter, written once for a float and for a Vector of them. Constants are formed in double and rounded once;
// control is (learning rate, factor of the gradient). A rule takes its constants from any call that has parameters of their names; on a
// card its control is known to the kernel alone.
#pragma once
#include <math.h>

#include "formula.h"

namespace lowbit {
namespace {

INLINE bool isFloats(const View& x, int64_t size) { return x.dtype == Dtype::float32 && x.size() == size; }

// A step without numbers in its control is left out: nothing is written.
INLINE bool isLeftOut(const float* control) { return control[0] != control[0] || control[1] != control[1]; }
INLINE bool isLeftOut(const View& control) { return isLeftOut(control.as<float>()); }

// What a rule has before it knows its control.
struct SgdConstants {
  float decay, momentum, undamped;
  bool nesterov, first;

  template <class Call>
  INLINE explicit SgdConstants(const Call& c)
      : decay(static_cast<float>(c.weightDecay)),
        momentum(static_cast<float>(c.momentum)),
        undamped(static_cast<float>(1 - c.dampening)),
        nesterov(c.nesterov != 0),
        first(c.first != 0) {}
};

// g = gradientScale·gradient + weightDecay·p
// v = first ? g : momentum·v + (1 − dampening)·g
// p = p − learningRate·(nesterov ? g + momentum·v : v)         without momentum p − learningRate·g
struct SgdRule : SgdConstants {
  float rate, scale;

  INLINE SgdRule(const SgdConstants& constants, const float* control) : SgdConstants(constants), rate(control[0]), scale(control[1]) {}
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

struct AdamConstants {
  double weightDecay, growth;  // growth: 1 − beta1^step
  float beta1, fresh1, beta2, fresh2, correction, epsilon;
  bool decoupled;

  template <class Call> INLINE explicit AdamConstants(const Call& c) {
    const double first = c.beta1, second = c.beta2, step = c.step;
    weightDecay = c.weightDecay;
    growth = 1 - pow(first, step);
    beta1 = static_cast<float>(first);
    fresh1 = static_cast<float>(1 - first);
    beta2 = static_cast<float>(second);
    fresh2 = static_cast<float>(1 - second);
    correction = static_cast<float>(1 / root(1 - pow(second, step)));
    epsilon = static_cast<float>(c.epsilon);
    decoupled = c.decoupled != 0;
  }
};

// p = p − learningRate·weightDecay·p where the decay is decoupled, else g = gradientScale·gradient + weightDecay·p
// m = beta1·m + (1 − beta1)·g,  v = beta2·v + (1 − beta2)·g²
// p = p − learningRate / (1 − beta1^step) · m / (√v / √(1 − beta2^step) + epsilon)
struct AdamRule : AdamConstants {
  float scale, decay, keep, size;

  INLINE AdamRule(const AdamConstants& constants, const float* control) : AdamConstants(constants), scale(control[1]) {
    const double rate = control[0];
    decay = decoupled ? 0 : static_cast<float>(weightDecay);
    keep = decoupled ? static_cast<float>(1 - rate * weightDecay) : 1;
    size = static_cast<float>(rate / growth);
  }
  template <class Call> INLINE explicit AdamRule(const Call& c) : AdamRule(AdamConstants(c), c.control.template as<float>()) {}

  template <class V> INLINE void step(V& parameter, V gradient, V& m, V& v) const {
    V g = scale * gradient;
    if (decay != 0) g = fused(decay, parameter, g);
    m = fused(beta1, m, fresh1 * g);
    v = fused(beta2, v, fresh2 * g * g);
    parameter = fused(-size, m / (correction * root(v) + epsilon), keep * parameter);
  }
};

}  // namespace
}  // namespace lowbit
