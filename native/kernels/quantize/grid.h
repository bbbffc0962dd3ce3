// The grid of a scale's steps that codes stand for, less the zero point.
#pragma once
#include "../../core/rounding.h"

namespace lowbit {
namespace {

// rne(x / s) + z within [qmin, qmax], minus z; NaN counts as 0. Real holds every bound exactly.
template <class Real> struct Grid {
  float scale;
  Real low, high;

  INLINE Real operator()(float x) const {
    Real v = static_cast<Real>(x / scale);
    return roundHalfEven(clampReal(v == v ? v : Real(0), low, high));
  }
  // Whether the clamp left the code alone; it did not where x is NaN.
  INLINE bool holds(float x) const {
    const Real code = roundHalfEven(clampReal(static_cast<Real>(x / scale), low - 1, high + 1));
    return code >= low && code <= high;
  }
};

// Bounds below this are exact in float32, and so is rounding between them.
constexpr double kExact = 1 << 22;

}  // namespace
}  // namespace lowbit
