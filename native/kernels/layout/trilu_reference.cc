// y = x where column - row >= k (upper) or column - row <= k (lower), else 0; the matrices are the last two axes.
#include <string.h>

#include <algorithm>

#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {

bool trilu_reference(const trilu_call& c) {
  EXPECT(c.x.rank >= 2);
  const int64_t rows = c.x.dim(-2), columns = c.x.dim(-1), bytes = elementBytes(c.x.dtype);
  const bool upper = c.upper != 0;
  // Beyond the matrix all k are alike.
  const int64_t k = static_cast<int64_t>(std::clamp<double>(c.k, -static_cast<double>(rows) - 1, static_cast<double>(columns) + 1));
  if (!c.x.size()) return true;
  parallel(c.x.size() / columns, kElementGrain / columns + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      // Columns before the split are below the diagonal, those from it on are not (lower: the diagonal counts as below).
      const int64_t split = std::clamp<int64_t>(i % rows + k + (upper ? 0 : 1), 0, columns) * bytes, pitch = columns * bytes;
      const char* from = c.x.as<char>() + i * pitch;
      char* to = c.y.as<char>() + i * pitch;
      memcpy(to, from, static_cast<size_t>(pitch));
      if (upper) memset(to, 0, static_cast<size_t>(split));
      else memset(to + split, 0, static_cast<size_t>(pitch - split));
    }
  });
  return true;
}

}  // namespace lowbit
