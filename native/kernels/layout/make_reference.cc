// Tensors made from parameters or from a shape alone.
#include <algorithm>

#include "../../core/convert.h"
#include "../../op.h"
#include "move.h"

namespace lowbit {

bool fill_reference(const fill_call& c) {
  fill(c.y, elementBits(c.value, c.y.dtype));
  return true;
}

// y[i] = start + i·delta; integers exactly, real numbers in double and rounded
bool range_reference(const range_call& c) {
  const double start = c.start, delta = c.delta;
  asNumber(c.y.dtype, [&]<class T>(Type<T>) {
    using Step = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
    Step first, by;
    if constexpr (std::is_integral_v<T>)
      first = static_cast<Step>(convert<int64_t>(start)), by = static_cast<Step>(convert<int64_t>(delta));
    else first = start, by = delta;
    for (int64_t i = 0; i < c.y.size(); i++) c.y.as<T>()[i] = static_cast<T>(first + static_cast<Step>(i) * by);
  });
  return true;
}

// y = the dimensions of x from start on
bool shape_reference(const shape_call& c) {
  const double rank = c.x.rank, start = c.start.real(0) + (c.start.real(0) < 0 ? rank : 0);
  const int first = static_cast<int>(std::clamp(start, 0.0, rank));
  EXPECT(first + c.y.size() <= c.x.rank);
  std::copy_n(c.x.shape + first, c.y.size(), c.y.as<int64_t>());
  return true;
}

}  // namespace lowbit
