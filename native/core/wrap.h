// Integer arithmetic that wraps: signed overflow is undefined in C++, so sums and products are formed in an unsigned type.
#pragma once
#include <type_traits>

namespace lowbit {

// unsigned for anything narrower: products of uint16_t would otherwise be formed in int.
template <class T> using Modular = std::common_type_t<std::make_unsigned_t<T>, unsigned>;

// f computed modulo 2^bits for integers, as it is for real numbers.
template <class T, class F> T wrapping(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(f(static_cast<Modular<T>>(a), static_cast<Modular<T>>(b)));
  else return f(a, b);
}

template <class T> T negated(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(0 - static_cast<Modular<T>>(x));
  else return -x;
}

}  // namespace lowbit
