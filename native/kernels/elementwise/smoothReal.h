// Activation functions and their slopes in double, for elements that are not float32.
#pragma once
#include <cmath>

#include "../../core/view.h"

namespace lowbit {
namespace {

constexpr double sqrtHalf = 0.70710678118654752440, inverseSqrtTwoPi = 0.39894228040143267794, twoOverSqrtPi = 1.12837916709551257390;
constexpr double geluA = 1.59576912160573071176, geluB = geluA * 0.044715;

INLINE double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
INLINE double normal(double x) { return 0.5 * std::erfc(-x * sqrtHalf); }

INLINE double gelu(double x) { return x * normal(x); }
INLINE double geluTanh(double x) { return x * sigmoid(x * (geluA + geluB * x * x)); }

INLINE double siluSlopeOf(double x) {
  const double s = sigmoid(x);
  return s * (1 + x * (1 - s));
}
INLINE double geluSlopeOf(double x) { return normal(x) + x * inverseSqrtTwoPi * std::exp(-0.5 * x * x); }
INLINE double geluTanhSlopeOf(double x) {
  const double bounded = std::fmin(40, std::fmax(-40, x)), square = bounded * bounded, s = sigmoid(bounded * (geluA + geluB * square));
  return x != x ? x : s + bounded * s * (1 - s) * (geluA + 3 * geluB * square);
}

}  // namespace
}  // namespace lowbit
