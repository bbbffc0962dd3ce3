// Gradients that would take too many passes as a chain of plain operations. Of a product with dy everything is computed in double and
// rounded once; NaN in x counts as outside of every interval.
#include <cmath>

#include "../../core/convert.h"
#include "../../op.h"
#include "zip.h"

namespace lowbit {

// dx = dy where min <= x <= max, else 0
bool clipGrad_reference(const clipGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    const C low = convert<C>(c.min.real(0)), high = convert<C>(c.max.real(0));
    zip<T, T, T>(c.dy, c.x, c.dx, [low, high](C dy, C x) { return x >= low && x <= high ? dy : C(0); });
  });
  return true;
}

// dx = dy above 0, else alpha·dy
bool leakyReluGrad_reference(const leakyReluGrad_call& c) {
  const double alpha = c.alpha;
  return zipReal(c.dy, c.x, c.dx, [=](double dy, double x) { return x > 0 ? dy : alpha * dy; });
}

// dx = alpha·dy where 0 < alpha·x + beta < 1, else 0
bool hardSigmoidGrad_reference(const hardSigmoidGrad_call& c) {
  const double alpha = c.alpha, beta = c.beta;
  return zipReal(c.dy, c.x, c.dx, [=](double dy, double x) {
    const double y = alpha * x + beta;
    return y > 0 && y < 1 ? alpha * dy : 0;
  });
}

// dx = dy·(x / 3 + 1/2) between -3 and 3, dy above, 0 below
bool hardSwishGrad_reference(const hardSwishGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [](double dy, double x) { return x >= 3 ? dy : x > -3 ? dy * (x / 3 + 0.5) : 0; });
}

// dx = above·dy where x > 0, else (rate·y + offset)·dy: a function that is linear above 0, and below it has a slope that its own value
// gives, as e^x has.
bool eluGrad_reference(const eluGrad_call& c) {
  const double rate = c.rate, offset = c.offset, above = c.above;
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    const T *dys = c.dy.as<T>(), *xs = c.x.as<T>(), *ys = c.y.as<T>();
    T* __restrict dx = c.dx.as<T>();
    parallel(c.dx.size(), kElementGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const double x = static_cast<Computed<T>>(xs[i]), y = static_cast<Computed<T>>(ys[i]), dy = static_cast<Computed<T>>(dys[i]);
        dx[i] = static_cast<T>((x > 0 ? above : rate * y + offset) * dy);
      }
    });
  });
  return true;
}

// With t = tanh(log(1 + e^x)) and s = 1 / (1 + e^-x): dx = dy·(t + x·s·(1 - t²))
bool mishGrad_reference(const mishGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [](double dy, double x) {
    const double t = std::tanh((x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x)))), s = 1 / (1 + std::exp(-x));
    return dy * (t + x * s * (1 - t * t));
  });
}

// da = dy where a > b, dy / 2 where they are equal, else 0; a and b broadcast to dy
bool maximumGrad_reference(const maximumGrad_call& c) {
  const auto plan = broadcast(c.da, c.dy, c.a, c.b);
  const int64_t stepDy = plan.step(0), stepA = plan.step(1), stepB = plan.step(2);
  asReal(c.da.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    parallel(c.da.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      plan.walk(begin, end, [&](int64_t at, const int64_t* from, int64_t count) {
        const T *dys = c.dy.as<T>() + from[0], *as = c.a.as<T>() + from[1], *bs = c.b.as<T>() + from[2];
        T* __restrict da = c.da.as<T>() + at;
        for (int64_t i = 0; i < count; i++) {
          const C a = static_cast<C>(as[i * stepA]), b = static_cast<C>(bs[i * stepB]), dy = static_cast<C>(dys[i * stepDy]);
          da[i] = static_cast<T>(a > b ? dy : a == b ? C(0.5) * dy : C(0));
        }
      });
    });
  });
  return true;
}

}  // namespace lowbit
