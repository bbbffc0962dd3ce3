// y = a^b in the type of a; b may have another type.
//   real a            in double, then rounded; squares and cubes are products, first powers copies
//   integer a and b   exact, modulo 2^bits; a negative exponent gives the reciprocal truncated: 0 unless a is 1 or -1
//   integer a, real b in double, then converted as by cast
#include <vector>

#include "../../core/convert.h"
#include "../../core/wrap.h"
#include "../../op.h"
#include "power.h"
#include "zip.h"

namespace lowbit {
namespace {

template <class T> T integerPower(T a, uint64_t exponent) {
  Modular<T> result = 1, square = static_cast<Modular<T>>(a);
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result *= square;
    square *= square;
  }
  return static_cast<T>(result);
}

template <class T> T reciprocalPower(T a, bool odd) {
  if (a == 1) return 1;
  if constexpr (std::is_signed_v<T>)
    if (a == -1) return odd ? -1 : 1;
  return 0;
}

// The exponents widened to E; usually there is one of them.
template <class E> std::vector<E> widened(const View& b) {
  std::vector<E> out(static_cast<size_t>(b.size()));
  asNumber(b.dtype, [&]<class T>(Type<T>) {
    for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<E>(static_cast<Computed<T>>(b.as<T>()[i]));
  });
  return out;
}

View over(void* data, const View& shape) {
  View out = shape;
  out.data = data;
  return out;
}

}  // namespace

bool pow_reference(const pow_call& c) {
  if (isReal(c.a.dtype) || isReal(c.b.dtype)) {
    std::vector<double> exponents = widened<double>(c.b);
    asNumber(c.a.dtype, [&]<class T>(Type<T>) {
      zip<T, double, T>(c.a, over(exponents.data(), c.b), c.y,
                        [](Computed<T> a, double b) { return convert<T>(realPower(static_cast<double>(a), b)); });
    });
    return true;
  }
  std::vector<uint64_t> exponents = widened<uint64_t>(c.b);
  const bool isSigned = c.b.dtype == Dtype::int8 || c.b.dtype == Dtype::int16 || c.b.dtype == Dtype::int32 || c.b.dtype == Dtype::int64;
  asInteger(c.a.dtype, [&]<class T>(Type<T>) {
    zip<T, uint64_t, T>(c.a, over(exponents.data(), c.b), c.y, [isSigned](T a, uint64_t b) {
      return isSigned && static_cast<int64_t>(b) < 0 ? reciprocalPower(a, b & 1) : integerPower(a, b);
    });
  });
  return true;
}

}  // namespace lowbit
