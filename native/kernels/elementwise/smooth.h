// Activation functions of float32 lanes and their slopes, from cpu/f32/functions.h.
#pragma once
#include "../../cpu/f32/errorFunction.h"

namespace lowbit {
namespace {

// x·sigmoid(x)
INLINE Vector siluOf(Vector x) { return x * logistic(x); }

// s·(1 + x·(1 − s)) with s = sigmoid(x)
INLINE Vector siluSlope(Vector x) {
  const Vector s = logistic(x);
  return s * multiplyAdd(x, repeat(1) - s, repeat(1));
}

// x·Φ(x), Φ the normal distribution; below −1 it is the tail itself, so that small results keep their digits
INLINE Vector geluOf(Vector x) {
  const Vector size = smaller(repeat(15), absolute(x)), tail = gaussian(size, -0.5f) * tailRatio(size);
  const Vector far = ifLess(x, repeat(0), tail, repeat(1) - tail), near = repeat(0.5f) + aboveHalf(x);
  return x * ifLess(size, repeat(1), near, far);
}

// Φ(x) + x·φ(x), φ(x) = e^(−x²/2) / √2π
INLINE Vector geluSlope(Vector x) {
  const Vector size = smaller(repeat(15), absolute(x)), power = gaussian(size, -0.5f), density = repeat(0.398942280f);
  const Vector tail = power * multiplyAdd(-density, size, tailRatio(size));
  const Vector far = ifLess(x, repeat(0), tail, repeat(1) - tail), near = multiplyAdd(x, power * density, repeat(0.5f) + aboveHalf(x));
  return ifLess(size, repeat(1), near, far);
}

// (1 + tanh u) / 2 = sigmoid(2u), 2u = 2·√(2/π)·(x + 0.044715·x³) = x·(a + b·x²)
constexpr float kGeluA = 1.59576912f, kGeluB = 0.0713548163f;
INLINE Vector geluTanhArgument(Vector x) { return x * multiplyAdd(repeat(kGeluB), x * x, repeat(kGeluA)); }
INLINE Vector geluTanhOf(Vector x) { return x * logistic(geluTanhArgument(x)); }

// s + x·s·(1 − s)·(a + 3b·x²) with s = sigmoid(x·(a + b·x²)); beyond ±16 it is 0 or 1
INLINE Vector geluTanhSlope(Vector x) {
  const Vector bounded = smaller(repeat(16), larger(repeat(-16), x)), s = logistic(geluTanhArgument(bounded));
  const Vector inner = bounded * multiplyAdd(repeat(3 * kGeluB), bounded * bounded, repeat(kGeluA));
  return s * multiplyAdd(inner, repeat(1) - s, repeat(1));
}

// 2 / √π·e^(−x²)
INLINE Vector erfSlope(Vector x) { return repeat(1.12837917f) * gaussian(smaller(repeat(10.5f), absolute(x)), -1); }

// From y itself: 1 − y² of tanh, y·(1 − y) of sigmoid
INLINE Vector tanhSlope(Vector y) { return multiplyAdd(-y, y, repeat(1)); }
INLINE Vector sigmoidSlope(Vector y) { return multiplyAdd(-y, y, y); }

}  // namespace
}  // namespace lowbit
