// What normalizations along lines compute in: float32 in float32, other types in double.
#pragma once
#include "axis.h"

namespace lowbit {
namespace {

template <class T> using Work = std::conditional_t<std::is_same_v<T, float>, float, double>;

template <class T> INLINE Work<T> number(T x) { return static_cast<Work<T>>(static_cast<Computed<T>>(x)); }

// Where a line's x̂ (layerNorm.h) come from.
template <class W> struct Standard {
  W high, low, inverse;

  Standard() = default;
  INLINE Standard(double mean, double inverse)
      : high(static_cast<W>(mean)), low(static_cast<W>(mean - high)), inverse(static_cast<W>(inverse)) {}
  INLINE W operator()(W x) const { return (x - high - low) * inverse; }
};

}  // namespace
}  // namespace lowbit
