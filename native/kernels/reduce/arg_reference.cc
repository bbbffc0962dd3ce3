// y = the index of the largest or smallest element along an axis, int64; of equal ones the first, or with selectLast the last.
// NaN beats every number, as in numpy.
#include "../../core/axis.h"
#include "../../core/wide.h"
#include "../../op.h"
#include "columns.h"

namespace lowbit {
namespace {

// beats(a, b): a is strictly better than b, both numbers.
template <class Beats> bool arg(const View& x, const View& y, int64_t index, bool selectLast, Beats beats) {
  const Axis axis = axisOf(x, index);
  EXPECT(axis.size > 0 || y.size() == 0);
  // float32 is read where it lies.
  auto search = [&]<class W>(Type<W>) {
    auto wins = [=](W a, W b) {
      if (a != a || b != b) return a != a && (b == b || selectLast);
      return beats(a, b) || (selectLast && a == b);
    };
    eachBlock(axis.outer, axis.inner, axis.size, [&](int64_t row, int64_t column, int64_t columns) {
      const int64_t first = row * axis.size * axis.inner + column;
      int64_t* out = y.as<int64_t>() + row * axis.inner + column;
      W best[kColumns], wide[kColumns];
      for (int64_t i = 0; i < axis.size; i++) {
        const W* candidates = wide;
        if constexpr (std::is_same_v<W, float>) candidates = x.as<float>() + first + i * axis.inner;
        else widen(x, first + i * axis.inner, 1, columns, wide);
        for (int64_t j = 0; j < columns; j++)
          if (i == 0 || wins(candidates[j], best[j])) best[j] = candidates[j], out[j] = i;
      }
    });
  };
  if (x.dtype == Dtype::float32) search(Type<float>{});
  else asWide(x.dtype, search);
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
