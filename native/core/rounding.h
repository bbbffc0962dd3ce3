// The rounding steps of docs/integers.md, as loops that a compiler can vectorize.
#pragma once
#include <stdint.h>

#include "check.h"
#include "view.h"

namespace lowbit {

// Adding 1.5·2^(mantissa bits) leaves no bits for a fraction: the sum is rounded to an integer, ties to even.
// Right for |v| below a quarter of that number.
INLINE float roundHalfEven(float v) { return (v + 12582912.0f) - 12582912.0f; }
INLINE double roundHalfEven(double v) { return (v + 6755399441055744.0) - 6755399441055744.0; }

// min(max(v, low), high) with the upper bound for NaN, as the vector instructions have it.
template <class Real> INLINE Real clampReal(Real v, Real low, Real high) {
  v = v < high ? v : high;
  return v > low ? v : low;
}

// req(v) = clamp(rne(clamp(v, qmin - zero, qmax - zero)) + zero, qmin, qmax); the first clamp makes the last one idle.
struct Requantize {
  float low, high;
  int32_t zero;

  INLINE Requantize(double zeroPoint, double qmin, double qmax)
      : low(static_cast<float>(qmin - zeroPoint)), high(static_cast<float>(qmax - zeroPoint)), zero(static_cast<int32_t>(zeroPoint)) {}
  INLINE int32_t operator()(float v) const { return static_cast<int32_t>(roundHalfEven(clampReal(v, low, high))) + zero; }
};

// y[i] = req(f32(x[i] - zero)·m) for `count` codes or sums. Everything by value: the bytes stored to y might change what is read
// through a pointer, and the loop would not vectorize.
template <class T, class Wide> INLINE void rescale(const T* x, uint8_t* y, int64_t count, Wide zero, float m, Requantize requantize) {
  for (int64_t i = 0; i < count; i++) y[i] = static_cast<uint8_t>(requantize(static_cast<float>(x[i] - zero) * m));
}

// Where the sums of a product go: codes y = req(f32(acc)·m), float32 y = f32(acc)·m, or the int32 sums themselves.
struct SumOutput {
  View y;
  Requantize requantize;

  INLINE void put(int64_t i, int32_t acc, float m) const {
    switch (y.dtype) {
      case Dtype::int32: y.as<int32_t>()[i] = acc; break;
      case Dtype::float32: y.as<float>()[i] = static_cast<float>(acc) * m; break;
      default: y.as<uint8_t>()[i] = static_cast<uint8_t>(requantize(static_cast<float>(acc) * m));  // int8 in two's complement
    }
  }
};

INLINE bool isCode(const View& x) { return x.dtype == Dtype::uint8 || x.dtype == Dtype::int8; }

// body(codes) with the tensor's elements as const uint8_t* or const int8_t*.
template <class F> INLINE void withCodes(const View& x, F&& body) {
  EXPECT(isCode(x));
  if (x.dtype == Dtype::uint8) body(static_cast<const uint8_t*>(x.as<uint8_t>()));
  else body(static_cast<const int8_t*>(x.as<int8_t>()));
}

}  // namespace lowbit
