// Functions of float32 lanes. Every step is one exactly rounded operation (a product, a sum, a quotient, a fused multiply-add), so one
// lane, eight and sixteen give the same bits. Largest errors, in units in the last place, over all floats:
//   exponential 1.0, powerOfTwo 1.9, logarithm 0.8, hyperbolicTangent 1.4, logistic 2.7
// Results in the denormal range are off by at most one of its steps. NaN gives NaN. The coefficients are minimax fits.
#pragma once
#include <math.h>

#include "vector.h"

namespace lowbit {
namespace {

// The lanes of a vector as integers.
#if defined(__AVX2__)
typedef int32_t Ints __attribute__((vector_size(4 * kWidth)));
#else
using Ints = int32_t;
#endif

INLINE Ints bitsOf(Vector x) {
  Ints bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
INLINE Vector ofBits(Ints bits) {
  Vector x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

INLINE Vector absolute(Vector x) { return ofBits(bitsOf(x) & 0x7fffffff); }
// |x| with the sign of `sign`
INLINE Vector withSign(Vector x, Vector sign) { return ofBits((bitsOf(x) & 0x7fffffff) | (bitsOf(sign) & INT32_MIN)); }

// c[0] + c[1]·x + c[2]·x² + ...
template <int N> INLINE Vector polynomial(const float (&c)[N], Vector x) {
  Vector sum = repeat(c[N - 1]);
  for (int i = N - 2; i >= 0; i--) sum = multiplyAdd(sum, x, repeat(c[i]));
  return sum;
}

// To x + kShift adds an integer in the low bits of its mantissa, for |x| < 2^22.
constexpr float kShift = 12582912;  // 1.5·2^23
constexpr int32_t kShiftBits = 0x4b400000;
constexpr float kLog2High = 0.693145751953125f, kLog2Low = 1.428606765330187e-6f;  // log 2; multiples of kLog2High up to 2^8 are exact

// p·2^n for |n| < 253 whole numbers, rounded once; p is between 1/2 and 2. The integers are those of n, too.
INLINE Vector timesPowerOfTwo(Vector p, [[maybe_unused]] Vector n, [[maybe_unused]] Ints integers) {
#if defined(__AVX512F__)
  return _mm512_scalef_ps(p, n);
#else
  const Ints half = integers >> 1;
  return p * ofBits((half + 127) << 23) * ofBits((integers - half + 127) << 23);
#endif
}

// e^x = 2^n·e^r with x = n·log 2 + r and |r| ≤ log(2) / 2
INLINE Vector exponential(Vector x) {
  constexpr float rest[] = {0x1.fffffcp-2f, 0x1.55549p-3f, 0x1.5558fcp-5f, 0x1.123b9cp-7f, 0x1.6a2156p-10f};  // (e^r − 1 − r) / r²
  x = smaller(repeat(89), larger(repeat(-104), x));                                                           // beyond: infinity, 0
  const Vector shifted = multiplyAdd(x, repeat(1.44269504f), repeat(kShift)), n = shifted - repeat(kShift);
  const Vector r = multiplyAdd(n, repeat(-kLog2Low), multiplyAdd(n, repeat(-kLog2High), x));
  const Vector power = repeat(1) + multiplyAdd(polynomial(rest, r), r * r, r);
  return timesPowerOfTwo(power, n, bitsOf(shifted) - kShiftBits);
}

// 2^x = 2^n·2^f with x = n + f and |f| ≤ 1/2; two thirds of the work of e^x
INLINE Vector powerOfTwo(Vector x) {
  constexpr float power[] = {1, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b752p-5f, 0x1.3cea88p-7f, 0x1.5bba14p-10f};  // 2^f
#if defined(__AVX512F__)
  return _mm512_scalef_ps(polynomial(power, _mm512_reduce_ps(x, 0)), _mm512_roundscale_ps(x, 0));
#else
  x = smaller(repeat(129), larger(repeat(-150), x));  // beyond: infinity, 0
  const Vector shifted = x + repeat(kShift), n = shifted - repeat(kShift);
  return timesPowerOfTwo(polynomial(power, x - n), n, bitsOf(shifted) - kShiftBits);
#endif
}

// log x = n·log 2 + log(1 + f) with x = 2^n·(1 + f) and 1 + f between √½ and √2
INLINE Vector logarithm(Vector x) {
  constexpr float rest[] = {0x1.555548p-2f,  -0x1.000006p-2f, 0x1.99a4b6p-3f,  -0x1.555c4ep-3f,
                            0x1.233766p-3f,  // (log(1 + f) − f + f²/2) / f³
                            -0x1.fc220ep-4f, 0x1.e6f08cp-4f,  -0x1.de3bf8p-4f, 0x1.14573ep-4f};
  constexpr int32_t kRootHalf = 0x3f3504f3;
  const Vector least = repeat(0x1p-126f), size = absolute(x);
  const Vector normal = ifLess(size, least, size * repeat(0x1p25f), size), lifted = ifLess(size, least, repeat(25), repeat(0));
  const Ints above = bitsOf(normal) - kRootHalf;
  const Vector n = ofBits((above >> 23) + kShiftBits) - repeat(kShift) - lifted;
  const Vector f = ofBits((above & 0x7fffff) + kRootHalf) - repeat(1), square = f * f;
  const Vector small = multiplyAdd(square, multiplyAdd(f, polynomial(rest, f), repeat(-0.5f)), n * repeat(kLog2Low));
  Vector y = multiplyAdd(n, repeat(kLog2High), f + small);
  y = ifLess(size, repeat(0x1p-149f), repeat(-INFINITY), y);
  y = ifLess(x, repeat(0), repeat(NAN), y);
  return ifLess(x, repeat(INFINITY), y, x);  // infinity and NaN are themselves
}

// tanh x: a series for |x| < 0.6, beyond 1 − 2 / (e^2|x| + 1)
INLINE Vector hyperbolicTangent(Vector x) {
  constexpr float series[] = {-0x1.55553ep-2f, 0x1.1109dcp-3f, -0x1.b89ed8p-5f, 0x1.54e014p-6f,
                              -0x1.830be6p-8f};  // (tanh x − x) / x³ by x²
  const Vector square = x * x, size = absolute(x);
  const Vector near = multiplyAdd(x * square, polynomial(series, square), x);
  const Vector far = repeat(1) - repeat(2) / (exponential(size + size) + repeat(1));
  return ifLess(size, repeat(0.6f), near, withSign(far, x));
}

// 1 / (1 + e^−x), from e^−|x| so that its small values are as exact as the others
INLINE Vector logistic(Vector x) {
  const Vector power = exponential(repeat(0) - absolute(x)), upper = repeat(1) / (repeat(1) + power);
  return ifLess(x, repeat(0), power * upper, upper);
}

// e^(h·x²) for h = −1 or −1/2, with the rounding error of x² taken out again; x up to 15, where it is 0
INLINE Vector gaussian(Vector x, float h) {
  const Vector square = x * x, error = multiplyAdd(x, x, -square), power = exponential(repeat(h) * square);
  return multiplyAdd(power, repeat(h) * error, power);
}

// The normal distribution's upper tail from x ≥ 1 on is e^(−x²/2)·tailRatio(x): Mills' ratio over √2π, by u = 1 / (1 + 0.4·x)
INLINE Vector tailRatio(Vector x) {
  constexpr float ratio[] = {0x1.46d0b8p-3f, 0x1.46c94ep-3f,  0x1.127f4ap-3f, 0x1.5a39d6p-4f, 0x1.2a48d6p-8f,
                             0x1.cfd764p-6f, -0x1.a6b1a6p-3f, 0x1.8bb6cep-3f, -0x1.d73588p-5f};
  const Vector u = repeat(1) / multiplyAdd(repeat(0.4f), x, repeat(1));
  return u * polynomial(ratio, u);
}

// Φ(x) − 1/2 of the normal distribution, |x| ≤ 1
INLINE Vector aboveHalf(Vector x) {
  constexpr float series[] = {0x1.988454p-2f,   -0x1.10582ap-4f, 0x1.46cd06p-7f,
                              -0x1.36e616p-10f, 0x1.da8f1p-14f,  -0x1.f959aap-18f};  // by x²
  return x * polynomial(series, x * x);
}

}  // namespace
}  // namespace lowbit
