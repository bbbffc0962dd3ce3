// Gradients that would take too many passes as a chain of plain operations, computed in float, or in double for other types.
#include <cmath>

#include "../../op.h"
#include "gradient.h"
#include "zip.h"

namespace lowbit {
namespace {

// y = f(a, b, c), broadcast as in numpy
template <class F> bool zip3(const View& a, const View& b, const View& c, const View& y, F f) {
  if (y.dtype != Dtype::float32) {
    blockwise<double>(y, f, a, b, c);
    return true;
  }
  const auto plan = broadcast(y, a, b, c);
  const int64_t stepA = plan.step(0), stepB = plan.step(1), stepC = plan.step(2);
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    plan.walk(begin, end, [&](int64_t at, const int64_t* from, int64_t count) {
      const float *p = a.as<float>() + from[0], *q = b.as<float>() + from[1], *r = c.as<float>() + from[2];
      float* __restrict to = y.as<float>() + at;
      for (int64_t i = 0; i < count; i++) to[i] = f(p[i * stepA], q[i * stepB], r[i * stepC]);
    });
  });
  return true;
}

}  // namespace

bool clipGrad_reference(const clipGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [low = double{c.min}, high = double{c.max}]<class C>(C dy, C x) {
    return clipGradOf(dy, x, static_cast<C>(low), static_cast<C>(high));
  });
}

bool leakyReluGrad_reference(const leakyReluGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [alpha = double{c.alpha}]<class C>(C dy, C x) { return leakyReluGradOf(dy, x, static_cast<C>(alpha)); });
}

bool hardSigmoidGrad_reference(const hardSigmoidGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [alpha = double{c.alpha}, beta = double{c.beta}]<class C>(C dy, C x) {
    return hardSigmoidGradOf(dy, x, static_cast<C>(alpha), static_cast<C>(beta));
  });
}

bool hardSwishGrad_reference(const hardSwishGrad_call& c) {
  return zipReal(c.dy, c.x, c.dx, [](auto dy, auto x) { return hardSwishGradOf(dy, x); });
}

// dx = dy·(t + x·s·(1 - t²)) with t = tanh(log(1 + e^x)) and s = 1 / (1 + e^-x), in double. With n = e^2x + 2e^x, t = n / (n + 2) and
// 1 - t² = 4·(n + 1) / (n + 2)²; from x = 20 on the slope is 1.
bool mishGrad_reference(const mishGrad_call& c) {
  blockwise<double>(
      c.dx,
      [](double dy, double x) {
        const double e = std::exp(x), n = e * (e + 2), m = n + 2;
        return x > 20 ? dy : dy * (n / m + x * e / (1 + e) * 4 * (n + 1) / (m * m));
      },
      c.dy, c.x);
  return true;
}

bool eluGrad_reference(const eluGrad_call& c) {
  return zip3(c.dy, c.x, c.y, c.dx, [rate = double{c.rate}, offset = double{c.offset}, above = double{c.above}]<class C>(C dy, C x, C y) {
    return eluGradOf(dy, x, y, static_cast<C>(rate), static_cast<C>(offset), static_cast<C>(above));
  });
}

// a and b broadcast to dy
bool maximumGrad_reference(const maximumGrad_call& c) {
  return zip3(c.dy, c.a, c.b, c.da, [](auto dy, auto a, auto b) { return maximumGradOf(dy, a, b); });
}

}  // namespace lowbit
