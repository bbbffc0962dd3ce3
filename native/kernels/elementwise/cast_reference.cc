// y = x in another element type; core/convert.h states the conversions.
#include "../../op.h"
#include "blocks.h"

namespace lowbit {

bool cast_reference(const cast_call& c) {
  asWide(c.x.dtype, [&]<class W>(Type<W>) {
    blockwise<W>(
        c.y, [](W x) { return x; }, c.x);
  });
  return true;
}

}  // namespace lowbit
