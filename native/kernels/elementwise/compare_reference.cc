// Comparisons of two tensors of one type and the logic of booleans; y is boolean. Comparisons with NaN are false.
#include "../../op.h"
#include "zip.h"

namespace lowbit {
namespace {

template <class F> bool compare(const View& a, const View& b, const View& y, F f) { return zipNumber<bool>(a, b, y, f); }

// Booleans are read as bytes: any byte other than 0 is true.
template <class F> bool logic(const View& a, const View& b, const View& y, F f) {
  zip<uint8_t, bool>(a, b, y, [f](uint8_t p, uint8_t q) { return f(p != 0, q != 0); });
  return true;
}

bool less(const View& a, const View& b, const View& y) {
  return compare(a, b, y, [](auto p, auto q) { return p < q; });
}
bool lessOrEqual(const View& a, const View& b, const View& y) {
  return compare(a, b, y, [](auto p, auto q) { return p <= q; });
}

}  // namespace

bool equal_reference(const equal_call& c) {
  if (c.a.dtype == Dtype::boolean) return logic(c.a, c.b, c.y, [](bool p, bool q) { return p == q; });
  return compare(c.a, c.b, c.y, [](auto p, auto q) { return p == q; });
}
bool less_reference(const less_call& c) { return less(c.a, c.b, c.y); }
bool lessOrEqual_reference(const lessOrEqual_call& c) { return lessOrEqual(c.a, c.b, c.y); }
bool greater_reference(const greater_call& c) { return less(c.b, c.a, c.y); }
bool greaterOrEqual_reference(const greaterOrEqual_call& c) { return lessOrEqual(c.b, c.a, c.y); }

bool and_reference(const and_call& c) {
  return logic(c.a, c.b, c.y, [](bool p, bool q) { return p && q; });
}
bool or_reference(const or_call& c) {
  return logic(c.a, c.b, c.y, [](bool p, bool q) { return p || q; });
}
bool xor_reference(const xor_call& c) {
  return logic(c.a, c.b, c.y, [](bool p, bool q) { return p != q; });
}

}  // namespace lowbit
