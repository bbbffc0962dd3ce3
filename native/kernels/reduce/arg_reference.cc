// y = the index of the largest or smallest element along an axis, int64; of equal ones the first, or with selectLast the last.
// NaN beats every number, as in numpy.
#include "../../core/axis.h"
#include "../../core/types.h"
#include "../../op.h"
#include "columns.h"

namespace lowbit {
namespace {

// beats(a, b): a is strictly better than b, both numbers.
template <class Beats> bool arg(const View& x, const View& y, int64_t index, bool selectLast, Beats beats) {
  const Axis axis = axisOf(x, index);
  EXPECT(axis.size > 0 || y.size() == 0);
  asNumber(x.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    auto wins = [=](C a, C b) {
      if (a != a || b != b) return a != a && (b == b || selectLast);
      return beats(a, b) || (selectLast && a == b);
    };
    eachBlock(axis.outer, axis.inner, axis.size, [&](int64_t row, int64_t column, int64_t columns) {
      const T* p = x.as<T>() + row * axis.size * axis.inner + column;
      int64_t* out = y.as<int64_t>() + row * axis.inner + column;
      C best[kColumns];
      for (int64_t j = 0; j < columns; j++) best[j] = static_cast<C>(p[j]), out[j] = 0;
      for (int64_t i = 1; i < axis.size; i++) {
        for (int64_t j = 0; j < columns; j++) {
          const C candidate = static_cast<C>(p[i * axis.inner + j]);
          if (wins(candidate, best[j])) best[j] = candidate, out[j] = i;
        }
      }
    });
  });
  return true;
}

}  // namespace

bool argMax_reference(const argMax_call& c) {
  return arg(c.x, c.y, c.axis.integer(), c.selectLast != 0, [](auto a, auto b) { return a > b; });
}
bool argMin_reference(const argMin_call& c) {
  return arg(c.x, c.y, c.axis.integer(), c.selectLast != 0, [](auto a, auto b) { return a < b; });
}

}  // namespace lowbit
