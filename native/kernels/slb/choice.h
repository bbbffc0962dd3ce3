// A low-bit weight is a choice among K values v (SLB, Yang et al. 2020): logits A, temperature T,
//
//   P = softmax(T·A)      W = Σ P·v      dW/dA[c] = T·P[c]·(v[c] − W)
//
// and, once it is decided, the value of the first largest logit. Of two values one logit is enough, A = A[1] − A[0]: this is K = 1,
//
//   W = (v0 + v1)/2 + (v1 − v0)/2·t      t = tanh(T·A/2)      dW/dA = (v1 − v0)/4·T·(1 − t²)
//
// Written once for vectors of weights and, where there are none, for one float or double.
#pragma once
#include "../../core/unroll.h"
#include "../../cpu/f32/formula.h"
#include "../../cpu/f32/functions.h"

namespace lowbit {
namespace {

// Logits are (⌈n / 16⌉, K, 16): those of 16 weights lie together.
constexpr int64_t kBlock = 16;

#if defined(__AVX2__)

INLINE Vector read(const float* p) { return load(p); }
INLINE Vector read(const float* p, int64_t count) { return Lanes(count).load(p); }
INLINE void write(float* p, Vector x, int64_t count) { Lanes(count).store(p, x); }

#else

template <class T> INLINE T read(const T* p) { return *p; }
template <class T> INLINE T read(const T* p, int64_t) { return *p; }
template <class T> INLINE void write(T* p, T x, int64_t) { *p = x; }
INLINE double repeat(double x) { return x; }
INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double ifLess(double a, double b, double yes, double no) { return a < b ? yes : no; }
INLINE double absolute(double x) { return __builtin_fabs(x); }
INLINE double exponential(double x) { return __builtin_exp(x); }
INLINE double hyperbolicTangent(double x) { return __builtin_tanh(x); }

#endif

// What `read` makes of elements T.
template <class T> using Read = decltype(read(static_cast<const T*>(nullptr)));

template <int K, class T> struct Choice {
  using V = Read<T>;
  V powers[K], sum, value;  // e^(T·A − max), their sum, W
  const T *values, temperature;

  INLINE Choice(const T* logits, T t, const T* v) : values(v), temperature(t) {
    each<K>([&](auto c) { powers[c] = repeat(t) * read(logits + c * kBlock); });
    V most = powers[0];
    each<K - 1>([&](auto c) { most = larger(powers[c + 1], most); });
    sum = repeat(T(0));
    V total = sum;
    each<K>([&](auto c) {
      powers[c] = exponential(powers[c] - most);
      sum = sum + powers[c];
      total = fused(powers[c], repeat(v[c]), total);
    });
    value = total / sum;
  }

  // The largest of P.
  INLINE V confidence() const { return repeat(T(1)) / sum; }
  // step(c, dA[c]) for all candidates, g = dW
  template <class Step> INLINE void eachGradient(V g, Step step) const {
    const V scale = repeat(temperature) * g / sum;
    each<K>([&](auto c) { step(c, powers[c] * scale * (repeat(values[c]) - value)); });
  }
  INLINE static V decided(const T* logits, const T* v) {
    V most = read(logits), value = repeat(v[0]);
    each<K - 1>([&](auto c) {
      const V logit = read(logits + (c + 1) * kBlock);
      value = ifLess(most, logit, repeat(v[c + 1]), value);
      most = ifLess(most, logit, logit, most);
    });
    return value;
  }
};

template <class T> struct Choice<1, T> {
  using V = Read<T>;
  V t, value;
  T slope;

  INLINE Choice(const T* logits, T temperature, const T* v) : slope((v[1] - v[0]) / 4 * temperature) {
    t = hyperbolicTangent(repeat(temperature / 2) * read(logits));
    value = fused(repeat((v[1] - v[0]) / 2), t, repeat((v[0] + v[1]) / 2));
  }

  INLINE V confidence() const { return fused(repeat(T(0.5)), absolute(t), repeat(T(0.5))); }
  template <class Step> INLINE void eachGradient(V g, Step step) const {
    step(Index<0>(), repeat(slope) * g * fused(repeat(T(0)) - t, t, repeat(T(1))));
  }
  INLINE static V decided(const T* logits, const T* v) { return ifLess(repeat(T(0)), read(logits), repeat(v[1]), repeat(v[0])); }
};

}  // namespace
}  // namespace lowbit
