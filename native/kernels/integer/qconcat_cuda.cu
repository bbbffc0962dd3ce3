// Joins tensors of codes along one axis on the card, each brought to the output's scale and zero point: a launch for each.
#include "../../cuda/elements.cuh"
#include "../../cuda/rescaled.cuh"
#include "../../op.h"

namespace lowbit {

// y[.., offset_i + j, ..] = req(f32(x_i[.., j, ..] - z_i)·m_i)
bool qconcat_cuda(const qconcat_call& c) {
  const int axis = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.y.rank : c.axis.integer());
  EXPECT(isCode(c.y) && c.multipliers.count == c.xs.count && c.zeros.count == c.xs.count);
  const int64_t stride = c.y.count(axis, c.y.rank);
  int64_t offset = 0;
  for (int i = 0; i < c.xs.count; i++) {
    const View& x = c.xs[i];
    const int64_t width = x.count(axis, x.rank);
    EXPECT(isCode(x) && offset + width <= stride);
    const Rescaled f{c.zeros[i], static_cast<float>(c.multipliers.real(i)), Requantize(c.yZero, c.qmin, c.qmax)};
    Strided<2> plan;
    plan.push(x.count(0, axis), {stride, width});
    plan.push(width, {1, 1});
    uint8_t* const y = c.y.as<uint8_t>() + offset;
    if (x.dtype == Dtype::int8) computeAlong<uint8_t, int8_t>(plan, f, y, x.as<int8_t>());
    else computeAlong<uint8_t, uint8_t>(plan, f, y, x.as<uint8_t>());
    offset += width;
  }
  EXPECT(offset == stride);
  return true;
}

}  // namespace lowbit
