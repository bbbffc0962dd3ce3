// y[n, i, j, o] = bias[o] + Σ x[n, i·sh + p·dh − top, j·sw + q·dw − left, c]·w[o, p, q, c]: p, then q, then c ascend, starting from
// the bias; outputs.h says what a tap outside x does.
#include "outputs.h"

namespace lowbit {

bool conv2d_reference(const conv2d_call& call) {
  const Conv p = convOf(call);
  asFloating(call.x.dtype, [&]<class T>(Type<T>) {
    eachOutput(p, call.x.as<T>(), call.w.as<T>(), Start<T>{call.bias.as<T>(), 0}, call.y.as<T>(), [&](Sum<T>& sum, int64_t i, int64_t j) {
      const Inside rows = p.rows.taps(i);
      for (int64_t r = rows.first; r < rows.end; r++)
        for (int64_t s = 0; s < p.columns.kernel; s++)
          sum.add(p.rows.start(i) + r * p.rows.dilation, p.columns.start(j) + s * p.columns.dilation, r, s);
    });
  });
  return true;
}

}  // namespace lowbit
