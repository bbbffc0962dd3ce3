// Plain functions of one tensor: x (any shape), y (the same shape).
#include <cmath>

#include "../../core/convert.h"
#include "../../core/wrap.h"
#include "../../op.h"
#include "map.h"

namespace lowbit {
namespace {

// A parameter as the nearest number of a type, in T.
template <class T> T nearest(const Param& value, Dtype dtype) {
  T number{};
  asNumber(dtype, [&]<class E>(Type<E>) { number = static_cast<T>(convert<Computed<E>>(value.real(0))); });
  return number;
}

}  // namespace

// y = max(x, 0); NaN stays NaN
bool relu_reference(const relu_call& c) {
  return mapNumber(c.x, c.y, [](auto x) { return x < 0 ? static_cast<decltype(x)>(0) : x; });
}

// y = |x|; the least integer, which has no opposite, stays itself
bool abs_reference(const abs_call& c) {
  return mapNumber(c.x, c.y, []<class T>(T x) {
    if constexpr (std::is_integral_v<T>) return x < 0 ? negated(x) : x;
    else return std::fabs(x);
  });
}

bool neg_reference(const neg_call& c) {
  return mapNumber(c.x, c.y, [](auto x) { return negated(x); });
}

// y = -1, 0 or 1; NaN stays NaN
bool sign_reference(const sign_call& c) {
  return mapNumber(c.x, c.y, []<class T>(T x) { return static_cast<T>(x > 0 ? T(1) : x < 0 ? static_cast<T>(-1) : x == 0 ? T(0) : x); });
}

// y = min(max(x, min), max); NaN stays NaN
bool clip_reference(const clip_call& c) {
  const auto between = []<class T>(T low, T high) {
    return [=](T x) {
      const T raised = x < low ? low : x;
      return raised > high ? high : raised;
    };
  };
  const Dtype dtype = c.x.dtype;
  if (dtype == Dtype::float32) map<float, float>(c.x, c.y, between(nearest<float>(c.min, dtype), nearest<float>(c.max, dtype)));
  else asWide(dtype, [&]<class W>(Type<W>) { blockwise<W>(c.y, between(nearest<W>(c.min, dtype), nearest<W>(c.max, dtype)), c.x); });
  return true;
}

bool ceil_reference(const ceil_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::ceil(x); });
}
bool floor_reference(const floor_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::floor(x); });
}
// to nearest, ties to even
bool round_reference(const round_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::nearbyint(x); });
}
bool sqrt_reference(const sqrt_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::sqrt(x); });
}
bool reciprocal_reference(const reciprocal_call& c) {
  return mapReal(c.x, c.y, [](double x) { return 1 / x; });
}

bool isNaN_reference(const isNaN_call& c) {
  return mapReal(c.x, c.y, [](double x) { return x != x; });
}

bool isInf_reference(const isInf_call& c) {
  const bool negative = c.negative != 0, positive = c.positive != 0;
  return mapReal(c.x, c.y, [=](double x) { return std::isinf(x) && (x < 0 ? negative : positive); });
}

// Booleans are read as bytes: any byte other than 0 is true.
bool not_reference(const not_call& c) {
  map<uint8_t, bool>(c.x, c.y, [](uint8_t x) { return x == 0; });
  return true;
}

}  // namespace lowbit
