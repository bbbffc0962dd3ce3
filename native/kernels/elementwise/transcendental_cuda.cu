// The C library's functions on the card, computed in double and rounded once, and powers of real numbers.
#include <cmath>

#include "../../core/convert.h"
#include "../../op.h"
#include "map.cuh"
#include "power.h"

namespace lowbit {
namespace {

#define LOWBIT_IN_DOUBLE(Name, function)                                  \
  struct Name {                                                           \
    DEVICE double operator()(double x) const { return std::function(x); } \
  };
LOWBIT_IN_DOUBLE(Sine, sin)
LOWBIT_IN_DOUBLE(Cosine, cos)
LOWBIT_IN_DOUBLE(Tangent, tan)
LOWBIT_IN_DOUBLE(ArcSine, asin)
LOWBIT_IN_DOUBLE(ArcCosine, acos)
LOWBIT_IN_DOUBLE(ArcTangent, atan)
LOWBIT_IN_DOUBLE(HyperbolicSine, sinh)
LOWBIT_IN_DOUBLE(HyperbolicCosine, cosh)
LOWBIT_IN_DOUBLE(AreaSine, asinh)
LOWBIT_IN_DOUBLE(AreaCosine, acosh)
LOWBIT_IN_DOUBLE(AreaTangent, atanh)
#undef LOWBIT_IN_DOUBLE

struct Power {
  template <class A, class B> DEVICE A operator()(A a, B b) const {
    return static_cast<A>(realPower(static_cast<double>(a), static_cast<double>(b)));
  }
};

}  // namespace

bool sin_cuda(const sin_call& c) { return mapRounded(Sine(), c.y, c.x); }
bool cos_cuda(const cos_call& c) { return mapRounded(Cosine(), c.y, c.x); }
bool tan_cuda(const tan_call& c) { return mapRounded(Tangent(), c.y, c.x); }
bool asin_cuda(const asin_call& c) { return mapRounded(ArcSine(), c.y, c.x); }
bool acos_cuda(const acos_call& c) { return mapRounded(ArcCosine(), c.y, c.x); }
bool atan_cuda(const atan_call& c) { return mapRounded(ArcTangent(), c.y, c.x); }
bool sinh_cuda(const sinh_call& c) { return mapRounded(HyperbolicSine(), c.y, c.x); }
bool cosh_cuda(const cosh_call& c) { return mapRounded(HyperbolicCosine(), c.y, c.x); }
bool asinh_cuda(const asinh_call& c) { return mapRounded(AreaSine(), c.y, c.x); }
bool acosh_cuda(const acosh_call& c) { return mapRounded(AreaCosine(), c.y, c.x); }
bool atanh_cuda(const atanh_call& c) { return mapRounded(AreaTangent(), c.y, c.x); }

// Integers are powers of integers on the CPU alone.
bool pow_cuda(const pow_call& c) {
  if (!isReal(c.a.dtype) || c.a.dtype == Dtype::float64) return false;
  asReal(c.a.dtype, [&]<class A>(Type<A>) { asNumber(c.b.dtype, [&]<class B>(Type<B>) { compute<A, A, B>(Power(), c.y, c.a, c.b); }); });
  return true;
}

}  // namespace lowbit
