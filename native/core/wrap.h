// Integer arithmetic that wraps: signed overflow is undefined in C++, so sums and products are formed in an unsigned type.
#pragma once
#include <type_traits>

#include "view.h"

namespace lowbit {

// unsigned for anything narrower: products of uint16_t would otherwise be formed in int.
template <class T> using Modular = std::common_type_t<std::make_unsigned_t<T>, unsigned>;

// f computed modulo 2^bits for integers, as it is for real numbers.
template <class T, class F> INLINE T wrapping(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(f(static_cast<Modular<T>>(a), static_cast<Modular<T>>(b)));
  else return f(a, b);
}

template <class T> INLINE T negated(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(0 - static_cast<Modular<T>>(x));
  else return -x;
}

// Toward zero, 0 by 0. By -1 the processor would trap on the least integer, so that quotient is the wrapping opposite.
template <class T> INLINE T quotient(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return negated(a);
  return static_cast<T>(a / b);
}

// Of that quotient; it has the sign of a.
template <class T> INLINE T remainder(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return 0;
  return static_cast<T>(a % b);
}

}  // namespace lowbit
