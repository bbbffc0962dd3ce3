// What ReLU is joined with: its gradient, and the sum before it.
#include "../../cpu/f32/formula.h"
#include "../../op.h"
#include "zip.h"

namespace lowbit {

// dx = dy where y > 0, else 0
bool reluGrad_reference(const reluGrad_call& c) {
  return zipReal(c.y, c.dy, c.dx, [](auto y, auto dy) { return gated(y, dy); });
}

// y = max(a + b, 0); NaN stays NaN
bool addRelu_reference(const addRelu_call& c) {
  return zipReal(c.a, c.b, c.y, [](auto a, auto b) { return rectified(a + b); });
}

}  // namespace lowbit
