// Joins tensors of codes along one axis and brings each to the output's scale and zero point.
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {

// y[.., offset_i + j, ..] = req(f32(x_i[.., j, ..] - z_i)·m_i)
bool qconcat_reference(const qconcat_call& c) {
  const int axis = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.y.rank : c.axis.integer());
  EXPECT(isCode(c.y) && c.multipliers.count == c.xs.count && c.zeros.count == c.xs.count);
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  const int64_t stride = c.y.count(axis, c.y.rank);
  int64_t offset = 0;
  for (int i = 0; i < c.xs.count; i++) {
    const View& x = c.xs[i];
    const int64_t width = x.count(axis, x.rank);
    const int32_t zero = static_cast<int32_t>(c.zeros[i]);
    const float m = static_cast<float>(c.multipliers.real(i));
    EXPECT(offset + width <= stride);
    uint8_t* out = c.y.as<uint8_t>() + offset;
    withCodes(x, [&](auto in) {
      parallel(x.count(0, axis), 16384 / (width + 1) + 1, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) rescale(in + row * width, out + row * stride, width, zero, m, requantize);
      });
    });
    offset += width;
  }
  EXPECT(offset == stride);
  return true;
}

}  // namespace lowbit
