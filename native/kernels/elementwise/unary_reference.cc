// Plain functions of one tensor: x (any shape), y (the same shape).
#include <cmath>

#include "../../core/convert.h"
#include "../../core/wrap.h"
#include "../../op.h"
#include "map.h"

namespace lowbit {

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
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    const C low = convert<C>(c.min.real(0)), high = convert<C>(c.max.real(0));
    map<T, C, T>(c.x, c.y, [low, high](C x) {
      const C raised = x < low ? low : x;
      return raised > high ? high : raised;
    });
  });
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
  asReal(c.x.dtype, [&]<class T>(Type<T>) { map<T, Computed<T>, bool>(c.x, c.y, [](auto x) { return x != x; }); });
  return true;
}

bool isInf_reference(const isInf_call& c) {
  const bool negative = c.negative != 0, positive = c.positive != 0;
  asReal(c.x.dtype, [&]<class T>(Type<T>) {
    map<T, Computed<T>, bool>(c.x, c.y, [=](auto x) { return std::isinf(x) && (x < 0 ? negative : positive); });
  });
  return true;
}

// Booleans are read as bytes: any byte other than 0 is true.
bool not_reference(const not_call& c) {
  map<uint8_t, uint8_t, bool>(c.x, c.y, [](uint8_t x) { return x == 0; });
  return true;
}

}  // namespace lowbit
