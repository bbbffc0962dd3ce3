// Elementwise functions of one tensor: x (any shape), y (the same shape and dtype).
#include "../../op.h"
#include "unary.h"

namespace lowbit {

// y = max(x, 0); NaN stays NaN
bool relu_reference(const relu_call& c) {
  return mapNumber(c.x, c.y, [](auto x) { return x < 0 ? static_cast<decltype(x)>(0) : x; });
}

}  // namespace lowbit
