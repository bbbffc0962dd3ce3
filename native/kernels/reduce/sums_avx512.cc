#include "../../op.h"
#include "sum_tiles.h"

namespace lowbit {

bool reduceSum_avx512(const reduceSum_call& c) { return sumFloats(c.x, c.y, &c.axes, false, loops); }
bool reduceMean_avx512(const reduceMean_call& c) { return sumFloats(c.x, c.y, &c.axes, true, loops); }
bool sumTo_avx512(const sumTo_call& c) { return sumFloats(c.x, c.y, nullptr, false, loops); }

}  // namespace lowbit
