// One number to another element type, as the op cast does it:
//   real -> integer      truncates toward zero and saturates; NaN becomes 0
//   integer -> integer   keeps the low bits
//   anything -> real     rounds to nearest even; to a half through float
//   anything -> boolean  x != 0, so NaN is true
#pragma once
#include <limits>

#include "types.h"

namespace lowbit {

// From is double, int64_t or uint64_t: every element fits one of them exactly.
template <class To, class From> INLINE To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    constexpr double low = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double past = 2.0 * static_cast<double>(std::numeric_limits<To>::max() / 2 + 1);
    if (value != value) return 0;
    if (value <= low) return std::numeric_limits<To>::min();
    if (value >= past) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

// The bits of a parameter as an element of this type.
inline uint64_t elementBits(double value, Dtype dtype) {
  uint64_t bits = 0;
  if (dtype == Dtype::boolean) return value != 0;
  asNumber(dtype, [&]<class T>(Type<T>) {
    T element = convert<T>(value);
    memcpy(&bits, &element, sizeof element);
  });
  return bits;
}

}  // namespace lowbit
