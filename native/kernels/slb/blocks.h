// The SLB kernels (choice.h), one pass over the logits each. Elements past the last weight are neither read as weights nor written.
#pragma once
#include "../../cpu/f32/updateRules.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "choice.h"

namespace lowbit {
namespace {

// body(at, i, lanes) for vectors of weights from i on, with the offset of their logits and the lanes that are weights. `flatten` inlines
// all that happens in it: GCC otherwise makes calls of some candidates, and the K vectors go through memory.
template <int K, class F> INLINE void eachWeight(int64_t size, F body) {
  parallel((size + kBlock - 1) / kBlock, kElementGrain / (kBlock * K) + 1, [=](int64_t begin, int64_t end) __attribute__((flatten)) {
    const F local = body;  // its pointers in registers
    const int64_t past = end * kBlock < size ? end * kBlock : size;
    for (int64_t i = begin * kBlock; i < past; i += kWidth) {
      const int64_t block = i / kBlock, lane = i % kBlock;
      local(block * K * kBlock + lane, i, Lanes(past - i));
    }
  });
}

template <class T> INLINE void expectation(const slbExpectation_call& c) {
  const int64_t size = c.weight.size();
  checkLogits(c.logits, c.values, size);
  const T *logits = c.logits.as<T>(), *values = c.values.as<T>();
  T* weight = c.weight.as<T>();
  const T temperature = static_cast<T>(c.temperature);
  const bool hard = c.mode != 0;
  withLogits(c.logits.shape[1], [=](auto k) {
    using Weight = Choice<k, T>;
    eachWeight<k>(size, [=](int64_t at, int64_t i, auto lanes) {
      Weight choice(logits + at, temperature, values);
      lanes.store(weight + i, hard ? choice.decided() : choice.expected());
    });
  });
}

template <class T> INLINE void expectationGrad(const slbExpectationGrad_call& c) {
  const int64_t size = c.dy.size();
  checkLogits(c.logits, c.values, size);
  EXPECT(c.dlogits.size() == c.logits.size());
  const T *logits = c.logits.as<T>(), *values = c.values.as<T>(), *dy = c.dy.as<T>();
  T* dlogits = c.dlogits.as<T>();
  const T temperature = static_cast<T>(c.temperature);
  withLogits(c.logits.shape[1], [=](auto k) {
    using Weight = Choice<k, T>;
    const int64_t rest = size % kBlock;
    if (rest)
      for (int64_t i = c.logits.size() - k * kBlock; i < c.logits.size(); i++) dlogits[i] = 0;
    eachWeight<k>(size, [=](int64_t at, int64_t i, auto lanes) {
      Weight choice(logits + at, temperature, values);
      choice.expected();
      choice.eachGradient(lanes.load(dy + i), [=](auto candidate, auto d) { lanes.store(dlogits + at + candidate * kBlock, d); });
    });
  });
}

template <class T> INLINE void confidence(const slbConfidence_call& c) {
  const int64_t size = c.y.size();
  checkLogits(c.logits, c.values, size);
  const T *logits = c.logits.as<T>(), *values = c.values.as<T>();
  T* y = c.y.as<T>();
  const T temperature = static_cast<T>(c.temperature);
  withLogits(c.logits.shape[1], [=](auto k) {
    using Weight = Choice<k, T>;
    eachWeight<k>(size, [=](int64_t at, int64_t i, auto lanes) {
      Weight choice(logits + at, temperature, values);
      choice.expected();
      lanes.store(y + i, choice.confidence());
    });
  });
}

// The gradient of the logits, the optimizer's rule on them, and the weight of the next step, in one pass: nothing is kept between them.
// step(at, logit, gradient, lanes) does the rule for the logits at an offset.
template <class Call, class Step> INLINE void search(const Call& c, Step step) {
  const int64_t size = c.weight.size();
  checkLogits(c.logits, c.values, size);
  EXPECT(isFloats(c.weight, size) && isFloats(c.gradient, size) && isFloats(c.logits, c.logits.size()) && isControl(c.control));
  if (isLeftOut(c.control)) return;
  float *logits = c.logits.template as<float>(), *weight = c.weight.template as<float>();
  const float *values = c.values.template as<float>(), *gradient = c.gradient.template as<float>();
  const float temperature = static_cast<float>(c.temperature);
  const bool hard = c.hard != 0;
  withLogits(c.logits.shape[1], [=](auto k) {
    using Weight = Choice<k, float>;
    eachWeight<k>(size, [=](int64_t at, int64_t i, auto lanes) {
      Weight now(logits + at, temperature, values), next(temperature, values);
      now.expected();
      now.eachGradient(lanes.load(gradient + i), [&](auto candidate, auto d) {
        const int64_t place = at + candidate * kBlock;
        auto logit = read(logits + place);  // again: in registers are the powers
        step(place, logit, d, lanes);
        lanes.store(logits + place, logit);
        next.logits[candidate] = logit;
      });
      lanes.store(weight + i, hard ? next.decided() : next.expected());
    });
  });
}

INLINE void searchSgd(const slbSgdUpdate_call& c) {
  const SgdRule rule(c);
  if (rule.momentum == 0) return search(c, [=](int64_t, auto& logit, auto d, auto) { rule.step(logit, d); });
  EXPECT(isFloats(c.velocity, c.logits.size()));
  float* velocities = c.velocity.as<float>();
  search(c, [=](int64_t at, auto& logit, auto d, auto lanes) {
    auto velocity = read(velocities + at);
    rule.step(logit, d, velocity);
    lanes.store(velocities + at, velocity);
  });
}

INLINE void searchAdam(const slbAdamUpdate_call& c) {
  EXPECT(isFloats(c.m, c.logits.size()) && isFloats(c.v, c.logits.size()));
  const AdamRule rule(c);
  float *means = c.m.as<float>(), *squares = c.v.as<float>();
  search(c, [=](int64_t at, auto& logit, auto d, auto lanes) {
    auto m = read(means + at), v = read(squares + at);
    rule.step(logit, d, m, v);
    lanes.store(means + at, m);
    lanes.store(squares + at, v);
  });
}

}  // namespace
}  // namespace lowbit
