// Comparisons on the card, the logic of booleans, and what chooses or converts by them; y is boolean except of where and cast. Comparisons
// with NaN are false.
#include <cmath>

#include "../../core/convert.h"
#include "../../op.h"
#include "map.cuh"

namespace lowbit {
namespace {

struct Equal {
  template <class T> DEVICE bool operator()(T a, T b) const { return a == b; }
};
struct Less {
  template <class T> DEVICE bool operator()(T a, T b) const { return a < b; }
};
struct LessOrEqual {
  template <class T> DEVICE bool operator()(T a, T b) const { return a <= b; }
};

// Booleans are read as bytes: any byte other than 0 is true.
struct And {
  DEVICE bool operator()(uint8_t a, uint8_t b) const { return a != 0 && b != 0; }
};
struct Or {
  DEVICE bool operator()(uint8_t a, uint8_t b) const { return a != 0 || b != 0; }
};
struct Differ {
  DEVICE bool operator()(uint8_t a, uint8_t b) const { return (a != 0) != (b != 0); }
};
struct Agree {
  DEVICE bool operator()(uint8_t a, uint8_t b) const { return (a != 0) == (b != 0); }
};
struct Not {
  DEVICE bool operator()(uint8_t x) const { return x == 0; }
};

struct IsNaN {
  template <class T> DEVICE bool operator()(T x) const { return x != x; }
};
struct IsInfinite {
  bool negative, positive;
  template <class T> DEVICE bool operator()(T x) const { return std::fabs(x) == T(INFINITY) && (x < 0 ? negative : positive); }
};

struct Choice {
  template <class T> DEVICE T operator()(uint8_t condition, T a, T b) const { return condition ? a : b; }
};

// By way of double, int64_t or uint64_t, which hold every element exactly; booleans are read as bytes.
template <class To> struct Converted {
  template <class From> DEVICE To operator()(From x) const {
    if constexpr (std::is_floating_point_v<From>) return convert<To>(static_cast<double>(x));
    else if constexpr (std::is_signed_v<From>) return convert<To>(static_cast<int64_t>(x));
    else return convert<To>(static_cast<uint64_t>(x));
  }
};
template <class To> struct ConvertedBoolean {
  DEVICE To operator()(uint8_t x) const { return convert<To>(static_cast<uint64_t>(x != 0)); }
};

template <class F> bool compare(F f, const View& a, const View& b, const View& y) {
  return asCardNumber(a.dtype, [&]<class T>(Type<T>) { compute<bool, T, T>(f, y, a, b); });
}
template <class F, class... Views> bool logic(F f, const View& y, const Views&... x) {
  compute<bool, std::conditional_t<true, uint8_t, Views>...>(f, y, x...);
  return true;
}

// The types that rows compute with, and codes.
template <class F> bool asCastNumber(Dtype dtype, F&& body) {
  if (dtype == Dtype::int8) return body(Type<int8_t>()), true;
  if (dtype == Dtype::uint8) return body(Type<uint8_t>()), true;
  return asCardNumber(dtype, body);
}

}  // namespace

bool equal_cuda(const equal_call& c) {
  return c.a.dtype == Dtype::boolean ? logic(Agree(), c.y, c.a, c.b) : compare(Equal(), c.a, c.b, c.y);
}
bool less_cuda(const less_call& c) { return compare(Less(), c.a, c.b, c.y); }
bool lessOrEqual_cuda(const lessOrEqual_call& c) { return compare(LessOrEqual(), c.a, c.b, c.y); }
bool greater_cuda(const greater_call& c) { return compare(Less(), c.b, c.a, c.y); }
bool greaterOrEqual_cuda(const greaterOrEqual_call& c) { return compare(LessOrEqual(), c.b, c.a, c.y); }

bool and_cuda(const and_call& c) { return logic(And(), c.y, c.a, c.b); }
bool or_cuda(const or_call& c) { return logic(Or(), c.y, c.a, c.b); }
bool xor_cuda(const xor_call& c) { return logic(Differ(), c.y, c.a, c.b); }
bool not_cuda(const not_call& c) { return logic(Not(), c.y, c.x); }

bool isNaN_cuda(const isNaN_call& c) {
  asReal(c.x.dtype, [&]<class T>(Type<T>) { compute<bool, T>(IsNaN(), c.y, c.x); });
  return true;
}
bool isInf_cuda(const isInf_call& c) {
  asReal(c.x.dtype, [&]<class T>(Type<T>) { compute<bool, T>(IsInfinite{c.negative != 0, c.positive != 0}, c.y, c.x); });
  return true;
}

bool where_cuda(const where_call& c) {
  asBits(c.y.dtype, [&]<class T>(Type<T>) { compute<T, uint8_t, T, T>(Choice(), c.y, c.condition, c.a, c.b); });
  return true;
}

bool cast_cuda(const cast_call& c) {
  if (c.x.dtype == Dtype::boolean)
    return asCastNumber(c.y.dtype == Dtype::boolean ? Dtype::uint8 : c.y.dtype,
                        [&]<class To>(Type<To>) { compute<To, uint8_t>(ConvertedBoolean<To>(), c.y, c.x); });
  bool known = true;
  const bool read = asCastNumber(c.x.dtype, [&]<class T>(Type<T>) {
    if (c.y.dtype == Dtype::boolean) compute<bool, T>(Converted<bool>(), c.y, c.x);
    else known = asCastNumber(c.y.dtype, [&]<class To>(Type<To>) { compute<To, T>(Converted<To>(), c.y, c.x); });
  });
  return read && known;
}

}  // namespace lowbit
