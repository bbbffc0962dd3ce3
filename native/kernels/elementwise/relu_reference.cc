// What ReLU is joined with: its gradient, and the sum before it.
#include "../../cpu/f32/formula.h"
#include "../../op.h"
#include "zip.h"

namespace lowbit {

// dx = dy where y > 0, else 0
bool reluGrad_reference(const reluGrad_call& c) {
  asReal(c.y.dtype, [&]<class T>(Type<T>) { zip<T, T, T>(c.y, c.dy, c.dx, [](auto y, auto dy) { return gated(y, dy); }); });
  return true;
}

// y = max(a + b, 0); NaN stays NaN
bool addRelu_reference(const addRelu_call& c) {
  asReal(c.y.dtype, [&]<class T>(Type<T>) { zip<T, T, T>(c.a, c.b, c.y, [](auto a, auto b) { return rectified(a + b); }); });
  return true;
}

}  // namespace lowbit
