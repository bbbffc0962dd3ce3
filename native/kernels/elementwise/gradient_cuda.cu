// The gradients of gradient.h on the card, computed in the element's own type (float for halves).
#include <cmath>

#include "../../op.h"
#include "gradient.h"
#include "map.cuh"

namespace lowbit {
namespace {

template <class C> struct ClipGrad {
  C low, high;
  DEVICE C operator()(C dy, C x) const { return clipGradOf(dy, x, low, high); }
};
template <class C> struct LeakyReluGrad {
  C alpha;
  DEVICE C operator()(C dy, C x) const { return leakyReluGradOf(dy, x, alpha); }
};
template <class C> struct HardSigmoidGrad {
  C alpha, beta;
  DEVICE C operator()(C dy, C x) const { return hardSigmoidGradOf(dy, x, alpha, beta); }
};
struct HardSwishGrad {
  template <class C> DEVICE C operator()(C dy, C x) const { return hardSwishGradOf(dy, x); }
};
template <class C> struct EluGrad {
  C rate, offset, above;
  DEVICE C operator()(C dy, C x, C y) const { return eluGradOf(dy, x, y, rate, offset, above); }
};
struct MaximumGrad {
  template <class C> DEVICE C operator()(C dy, C a, C b) const { return maximumGradOf(dy, a, b); }
};
// As in gradient_reference.cc, in double.
struct MishGrad {
  template <class C> DEVICE C operator()(C dy, C x) const {
    const double wide = static_cast<double>(x), e = std::exp(wide), n = e * (e + 2), m = n + 2;
    return static_cast<C>(wide > 20 ? dy : dy * (n / m + wide * e / (1 + e) * 4 * (n + 1) / (m * m)));
  }
};

}  // namespace

bool clipGrad_cuda(const clipGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    compute<T, T, T>(ClipGrad<C>{static_cast<C>(c.min), static_cast<C>(c.max)}, c.dx, c.dy, c.x);
  });
  return true;
}

bool leakyReluGrad_cuda(const leakyReluGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    compute<T, T, T>(LeakyReluGrad<C>{static_cast<C>(c.alpha)}, c.dx, c.dy, c.x);
  });
  return true;
}

bool hardSigmoidGrad_cuda(const hardSigmoidGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    compute<T, T, T>(HardSigmoidGrad<C>{static_cast<C>(c.alpha), static_cast<C>(c.beta)}, c.dx, c.dy, c.x);
  });
  return true;
}

bool eluGrad_cuda(const eluGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    const EluGrad<C> f{static_cast<C>(c.rate), static_cast<C>(c.offset), static_cast<C>(c.above)};
    compute<T, T, T, T>(f, c.dx, c.dy, c.x, c.y);
  });
  return true;
}

bool hardSwishGrad_cuda(const hardSwishGrad_call& c) { return mapReals(HardSwishGrad(), c.dx, c.dy, c.x); }
bool mishGrad_cuda(const mishGrad_call& c) { return mapRounded(MishGrad(), c.dx, c.dy, c.x); }
// a and b broadcast to dy
bool maximumGrad_cuda(const maximumGrad_call& c) { return mapReals(MaximumGrad(), c.da, c.dy, c.a, c.b); }

}  // namespace lowbit
