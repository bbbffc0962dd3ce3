// Gradients that would take too many passes as a chain of plain operations, computed in the element's own type (float for halves).
#include <cmath>

#include "../../op.h"
#include "gradient.h"
#include "zip.h"

namespace lowbit {
namespace {

// dx = f(dy, x) of one real type; make(C()) is f on the computing type C.
template <class Make> bool zipReal(const View& dy, const View& x, const View& dx, Make make) {
  asReal(dx.dtype, [&]<class T>(Type<T>) { zip<T, T, T>(dy, x, dx, make(Computed<T>())); });
  return true;
}

// y = f(a, b, c), broadcast as in numpy
template <class T, class F> void zip3(const View& a, const View& b, const View& c, const View& y, F f) {
  const auto plan = broadcast(y, a, b, c);
  const int64_t stepA = plan.step(0), stepB = plan.step(1), stepC = plan.step(2);
  auto number = [](T x) { return static_cast<Computed<T>>(x); };
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    plan.walk(begin, end, [&](int64_t at, const int64_t* from, int64_t count) {
      const T *p = a.as<T>() + from[0], *q = b.as<T>() + from[1], *r = c.as<T>() + from[2];
      T* __restrict to = y.as<T>() + at;
      for (int64_t i = 0; i < count; i++) to[i] = static_cast<T>(f(number(p[i * stepA]), number(q[i * stepB]), number(r[i * stepC])));
    });
  });
}

}  // namespace

bool clipGrad_reference(const clipGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [&]<class C>(C) {
    const C low = static_cast<C>(c.min), high = static_cast<C>(c.max);
    return [=](C dy, C x) { return clipGradOf(dy, x, low, high); };
  });
}

bool leakyReluGrad_reference(const leakyReluGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [&]<class C>(C) {
    const C alpha = static_cast<C>(c.alpha);
    return [=](C dy, C x) { return leakyReluGradOf(dy, x, alpha); };
  });
}

bool hardSigmoidGrad_reference(const hardSigmoidGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [&]<class C>(C) {
    const C alpha = static_cast<C>(c.alpha), beta = static_cast<C>(c.beta);
    return [=](C dy, C x) { return hardSigmoidGradOf(dy, x, alpha, beta); };
  });
}

bool hardSwishGrad_reference(const hardSwishGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, []<class C>(C) { return [](C dy, C x) { return hardSwishGradOf(dy, x); }; });
}

// dx = dy·(t + x·s·(1 - t²)) with t = tanh(log(1 + e^x)) and s = 1 / (1 + e^-x), in double. With n = e^2x + 2e^x, t = n / (n + 2) and
// 1 - t² = 4·(n + 1) / (n + 2)²; from x = 20 on the slope is 1.
bool mishGrad_reference(const mishGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, []<class C>(C) {
    return [](C dy, C x) {
      const double wide = static_cast<double>(x), e = std::exp(wide), n = e * (e + 2), m = n + 2;
      return static_cast<C>(wide > 20 ? dy : dy * (n / m + wide * e / (1 + e) * 4 * (n + 1) / (m * m)));
    };
  });
}

bool eluGrad_reference(const eluGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    const C rate = static_cast<C>(c.rate), offset = static_cast<C>(c.offset), above = static_cast<C>(c.above);
    zip3<T>(c.dy, c.x, c.y, c.dx, [=](C dy, C x, C y) { return eluGradOf(dy, x, y, rate, offset, above); });
  });
  return true;
}

// a and b broadcast to dy
bool maximumGrad_reference(const maximumGrad_call& c) {
  asReal(c.da.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    zip3<T>(c.dy, c.a, c.b, c.da, [](C dy, C a, C b) { return maximumGradOf(dy, a, b); });
  });
  return true;
}

}  // namespace lowbit
