// y = the sum of the elements up to each one along an axis; exclusive leaves the element itself out, reverse starts at the end.
// The running sum of real numbers is a double, each result is rounded from it.
#include "../../core/axis.h"
#include "../../core/types.h"
#include "../../op.h"
#include "columns.h"

namespace lowbit {

bool cumSum_reference(const cumSum_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const bool exclusive = c.exclusive != 0, reverse = c.reverse != 0;
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using S = Total<Computed<T>>;
    eachBlock(axis.outer, axis.inner, axis.size, [&](int64_t row, int64_t column, int64_t columns) {
      S sums[kColumns] = {};
      for (int64_t n = 0; n < axis.size; n++) {
        const int64_t i = reverse ? axis.size - 1 - n : n;
        const int64_t at = (row * axis.size + i) * axis.inner + column;
        for (int64_t j = 0; j < columns; j++) {
          const S before = sums[j];
          sums[j] += static_cast<S>(static_cast<Computed<T>>(c.x.as<T>()[at + j]));
          c.y.as<T>()[at + j] = static_cast<T>(exclusive ? before : sums[j]);
        }
      }
    });
  });
  return true;
}

}  // namespace lowbit
