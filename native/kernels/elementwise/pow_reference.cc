// y = a^b in the type of a; b may have another type.
//   real a            in double, then rounded; squares and cubes are products, first powers copies
//   integer a and b   exact, modulo 2^bits; a negative exponent gives the reciprocal truncated: 0 unless a is 1 or -1
//   integer a, real b in double, then converted as by cast
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

}  // namespace

bool pow_reference(const pow_call& c) {
  if (isReal(c.a.dtype) || isReal(c.b.dtype)) {
    blockwise<double>(
        c.y, [](double a, double b) { return realPower(a, b); }, c.a, c.b);
    return true;
  }
  bool isSigned = false;
  asWide(c.b.dtype, [&]<class W>(Type<W>) { isSigned = std::is_signed_v<W>; });
  return zipInteger(c.a, c.b, c.y, [isSigned]<class W>(W a, W b) {
    return isSigned && static_cast<int64_t>(b) < 0 ? reciprocalPower(a, b & 1) : integerPower(a, static_cast<uint64_t>(b));
  });
}

}  // namespace lowbit
