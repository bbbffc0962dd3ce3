// Functions of two tensors of one number type, with broadcasting. Integers wrap; division by an integer 0 gives 0.
#include <cmath>

#include "../../core/wrap.h"
#include "../../op.h"
#include "zip.h"

namespace lowbit {

bool add_reference(const add_call& c) {
  return zipNumber(c.a, c.b, c.y, [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p + q; }); });
}

bool sub_reference(const sub_call& c) {
  return zipNumber(c.a, c.b, c.y, [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p - q; }); });
}

bool mul_reference(const mul_call& c) {
  return zipNumber(c.a, c.b, c.y, [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p * q; }); });
}

bool div_reference(const div_call& c) {
  return zipNumber(c.a, c.b, c.y, []<class T>(T a, T b) {
    if constexpr (std::is_integral_v<T>) return quotient(a, b);
    else return a / b;
  });
}

// NaN when either is NaN: of a comparison with NaN both outcomes below lead to it.
bool maximum_reference(const maximum_call& c) {
  return zipNumber(c.a, c.b, c.y, [](auto a, auto b) { return a > b || a != a ? a : b; });
}

bool minimum_reference(const minimum_call& c) {
  return zipNumber(c.a, c.b, c.y, [](auto a, auto b) { return a < b || a != a ? a : b; });
}

// fmod: the remainder of a division toward zero, it has the sign of a; otherwise that of a floor division, with the sign of b
bool mod_reference(const mod_call& c) {
  if (c.fmod != 0) {
    return zipNumber(c.a, c.b, c.y, []<class T>(T a, T b) {
      if constexpr (std::is_integral_v<T>) return remainder(a, b);
      else return std::fmod(a, b);
    });
  }
  return zipInteger(c.a, c.b, c.y, []<class T>(T a, T b) {
    const T rest = remainder(a, b);
    return static_cast<T>(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
  });
}

// y = x, or slope·x below 0
bool prelu_reference(const prelu_call& c) {
  return zipNumber(c.x, c.slope, c.y,
                   []<class T>(T x, T slope) { return x < 0 ? wrapping(x, slope, [](auto p, auto q) { return p * q; }) : x; });
}

// Bits that leave the type are lost; a shift by its width or more gives 0.
bool bitShift_reference(const bitShift_call& c) {
  enum { left, right };
  const bool toLeft = c.direction.integer() == left;
  const uint64_t width = 8 * elementBytes(c.a.dtype);
  return zipInteger(c.a, c.b, c.y, [=]<class T>(T a, T b) {
    const uint64_t bits = static_cast<uint64_t>(a), by = static_cast<uint64_t>(b);
    return static_cast<T>(by >= width ? 0 : toLeft ? bits << by : bits >> by);
  });
}

}  // namespace lowbit
