// Optimizer steps of one parameter, written once for a float and for a Vector of them. Constants are formed in double and rounded once;
// control is (learning rate, factor of the gradient). A rule takes its constants from any call that has parameters of their names.
#pragma once
#include <math.h>

#include "formula.h"

namespace lowbit {
namespace {

INLINE bool isFloats(const View& x, int64_t size) { return x.dtype == Dtype::float32 && x.size() == size; }

// A step without numbers in its control is left out: nothing is written.
INLINE bool isLeftOut(const View& control) {
  const float* c = control.template as<float>();
  return c[0] != c[0] || c[1] != c[1];
}

// g = gradientScale·gradient + weightDecay·p
// v = first ? g : momentum·v + (1 − dampening)·g
// p = p − learningRate·(nesterov ? g + momentum·v : v)         without momentum p − learningRate·g
struct SgdRule {
  float rate, scale, decay, momentum, undamped;
  bool nesterov, first;

  template <class Call>
  INLINE explicit SgdRule(const Call& c)
      : rate(c.control.template as<float>()[0]),
        scale(c.control.template as<float>()[1]),
        decay(static_cast<float>(c.weightDecay)),
        momentum(static_cast<float>(c.momentum)),
        undamped(static_cast<float>(1 - c.dampening)),
        nesterov(c.nesterov != 0),
        first(c.first != 0) {}

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

// p = p − learningRate·weightDecay·p where the decay is decoupled, else g = gradientScale·gradient + weightDecay·p
// m = beta1·m + (1 − beta1)·g,  v = beta2·v + (1 − beta2)·g²
// p = p − learningRate / (1 − beta1^step) · m / (√v / √(1 − beta2^step) + epsilon)
struct AdamRule {
  float scale, decay, keep, beta1, fresh1, beta2, fresh2, size, correction, epsilon;

  template <class Call> INLINE explicit AdamRule(const Call& c) {
    const double rate = c.control.template as<float>()[0], first = c.beta1, second = c.beta2, weightDecay = c.weightDecay, step = c.step;
    scale = c.control.template as<float>()[1];
    decay = c.decoupled != 0 ? 0 : static_cast<float>(weightDecay);
    keep = c.decoupled != 0 ? static_cast<float>(1 - rate * weightDecay) : 1;
    beta1 = static_cast<float>(first);
    fresh1 = static_cast<float>(1 - first);
    beta2 = static_cast<float>(second);
    fresh2 = static_cast<float>(1 - second);
    size = static_cast<float>(rate / (1 - pow(first, step)));
    correction = static_cast<float>(1 / root(1 - pow(second, step)));
    epsilon = static_cast<float>(c.epsilon);
  }

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
