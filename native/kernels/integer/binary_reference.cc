// Sums and products of two tensors of codes, with numpy broadcasting.
#include "../../core/strided.h"
#include "../../cpu/pool.h"
#include "sum.h"

namespace lowbit {
namespace {

// y[i] = f(left[i·leftStep], right[i·rightStep]) for a row. f comes by value: the bytes stored to y might change what is read through a
// pointer, and the loops would not vectorize.
template <class A, class B, class F>
INLINE void zipRow(const A* left, int64_t leftStep, const B* right, int64_t rightStep, uint8_t* y, int64_t count, F f) {
  if (leftStep == 1 && rightStep == 1) {
    for (int64_t i = 0; i < count; i++) y[i] = static_cast<uint8_t>(f(left[i], right[i]));
  } else {
    for (int64_t i = 0; i < count; i++) y[i] = static_cast<uint8_t>(f(left[i * leftStep], right[i * rightStep]));
  }
}

// y[i] = f(a[i], b[i]) with operands of different types, as int32 in f.
template <class A, class B, class F> void zipCodes(const View& a, const View& b, const View& y, const A* left, const B* right, F f) {
  const auto plan = broadcast(y, a, b);
  uint8_t* out = y.as<uint8_t>();
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    plan.walk(begin, end, [&](int64_t first, const int64_t* at, int64_t count) {
      zipRow(left + at[0], plan.step(0), right + at[1], plan.step(1), out + first, count, f);
    });
  });
}

template <class F> bool zip(const View& a, const View& b, const View& y, F f) {
  EXPECT(isCode(y));
  if (!y.size()) return true;
  withCodes(a, [&](auto left) { withCodes(b, [&](auto right) { zipCodes(a, b, y, left, right, f); }); });
  return true;
}

}  // namespace

bool qadd_reference(const qadd_call& c) { return zip(c.a, c.b, c.y, CodeSum(c)); }

bool qmul_reference(const qmul_call& c) { return zip(c.a, c.b, c.y, CodeProduct(c)); }

}  // namespace lowbit
