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
#include "../../cpu/f32/formula.h"
#include "../../cpu/f32/functions.h"
#include "logits.h"

namespace lowbit {
namespace {

constexpr double kLog2E = 1.4426950408889634;  // e^x = 2^(kLog2E·x)

#if defined(__AVX2__)

INLINE Vector read(const float* p) { return load(p); }
// The prefetchers of the hardware alone lose two thirds of the speed of a pass that only reads 16 logits a weight.
INLINE void fetchAhead(const float* p) { fetch(p + 1024); }

#else

struct Lanes {
  INLINE explicit Lanes(int64_t) {}
  template <class T> INLINE T load(const T* p) const { return *p; }
  template <class T> INLINE void store(T* p, T x) const { *p = x; }
};
template <class T> INLINE T read(const T* p) { return *p; }
template <class T> INLINE void fetchAhead(const T*) {}
INLINE double repeat(double x) { return x; }
INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double ifLess(double a, double b, double yes, double no) { return a < b ? yes : no; }
INLINE double absolute(double x) { return __builtin_fabs(x); }
INLINE double powerOfTwo(double x) { return __builtin_exp2(x); }

#endif

// f(c) for candidates 0 ... N - 1, in registers where there are many
template <int N, class F> INLINE void eachOf(F f) {
#if defined(__AVX2__) || defined(LOWBIT_CARD)
  each<N>(f);
#else
  for (int c = 0; c < N; c++) f(c);
#endif
}

// What `read` makes of elements T.
template <class T> using Read = decltype(read(static_cast<const T*>(nullptr)));

template <int K, class T> struct Choice {
  using V = Read<T>;
  V logits[K];
  V powers[K], sum, value;  // of `expected`: e^(T·(A − max A)), their sum, W
  const T *values, temperature;

  INLINE Choice(T t, const T* v) : values(v), temperature(t) {}
  INLINE Choice(const T* at, T t, const T* v) : Choice(t, v) {
    eachOf<K>([&](auto c) {
      logits[c] = read(at + c * kBlock);
      fetchAhead(at + c * kBlock);
    });
  }

  // Largest, sum and W as a few of them side by side, so that no step waits for all before it.
  INLINE V expected() {
    constexpr int parts = K < 4 ? K : 4;
    V most[parts], sums[parts], totals[parts];
    eachOf<K>([&](auto c) {
      const int part = c % parts;
      most[part] = c < parts ? logits[c] : larger(logits[c], most[part]);
    });
    eachOf<parts - 1>([&](auto part) { most[0] = larger(most[part + 1], most[0]); });
    eachOf<K>([&](auto c) {
      const int part = c % parts;
      powers[c] = powerOfTwo(repeat(temperature * T(kLog2E)) * (logits[c] - most[0]));
      sums[part] = c < parts ? powers[c] : sums[part] + powers[c];
      totals[part] = c < parts ? powers[c] * repeat(values[c]) : fused(powers[c], repeat(values[c]), totals[part]);
    });
    eachOf<parts - 1>([&](auto part) {
      sums[0] = sums[0] + sums[part + 1];
      totals[0] = totals[0] + totals[part + 1];
    });
    sum = sums[0];
    return value = totals[0] / sum;
  }
  INLINE V decided() const {
    V most = logits[0], first = repeat(values[0]);
    eachOf<K - 1>([&](auto c) {
      first = ifLess(most, logits[c + 1], repeat(values[c + 1]), first);
      most = ifLess(most, logits[c + 1], logits[c + 1], most);
    });
    return first;
  }

  // What follows is asked after `expected`. The largest of P:
  INLINE V confidence() const { return repeat(T(1)) / sum; }
  // step(c, dA[c]) for all candidates, g = dW
  template <class Step> INLINE void eachGradient(V g, Step step) const {
    const V scale = repeat(temperature) * g / sum;
    eachOf<K>([&](auto c) { step(c, powers[c] * scale * (repeat(values[c]) - value)); });
  }
};

template <class T> struct Choice<1, T> {
  using V = Read<T>;
  V logits[1], t;
  const T *values, temperature;

  INLINE Choice(T temperature, const T* v) : values(v), temperature(temperature) {}
  INLINE Choice(const T* at, T temperature, const T* v) : Choice(temperature, v) {
    logits[0] = read(at);
    fetchAhead(at);
  }

  INLINE V expected() {
    t = repeat(T(1)) - repeat(T(2)) / (powerOfTwo(repeat(temperature * T(kLog2E)) * logits[0]) + repeat(T(1)));  // its error is that of a 1
    return fused(repeat((values[1] - values[0]) / 2), t, repeat((values[0] + values[1]) / 2));
  }
  INLINE V decided() const { return ifLess(repeat(T(0)), logits[0], repeat(values[1]), repeat(values[0])); }

  INLINE V confidence() const { return fused(repeat(T(0.5)), absolute(t), repeat(T(0.5))); }
  template <class Step> INLINE void eachGradient(V g, Step step) const {
    step(Index<0>(), repeat((values[1] - values[0]) / 4 * temperature) * g * fused(repeat(T(0)) - t, t, repeat(T(1))));
  }
};

}  // namespace
}  // namespace lowbit
