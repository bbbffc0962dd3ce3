// y = the inputs one after the other along an axis. Seen from an input, y is rows of its own elements with gaps between them.
#include <string.h>

#include <algorithm>

#include "../../core/axis.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {

bool concat_reference(const concat_call& c) {
  const Axis whole = axisOf(c.y, c.axis.integer());
  const int64_t bytes = elementBytes(c.y.dtype), pitch = whole.size * whole.inner * bytes;
  int64_t offset = 0;
  for (int k = 0; k < c.xs.count; k++) {
    const View& x = c.xs[k];
    const Axis part = axisOf(x, c.axis.integer());
    EXPECT(part.outer == whole.outer && part.inner == whole.inner);
    const int64_t run = part.size * part.inner * bytes;
    EXPECT(offset + run <= pitch);
    char* to = c.y.as<char>() + offset;
    parallel(x.size() * bytes, kElementGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end;) {
        const int64_t row = i / run, at = i % run, count = std::min(run - at, end - i);
        memcpy(to + row * pitch + at, x.as<char>() + i, static_cast<size_t>(count));
        i += count;
      }
    });
    offset += run;
  }
  EXPECT(offset == pitch || !c.y.size());
  return true;
}

}  // namespace lowbit
