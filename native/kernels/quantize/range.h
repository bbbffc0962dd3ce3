// A range that follows the batches, (smallest, largest, batches seen), and the codes it gives.
#pragma once
#include <math.h>
#include <string.h>

#include "../../core/check.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// scale = f32((max − min) / qmax), zero point = clamp(rne(−min / scale), 0, qmax) for min ≤ 0 ≤ max, in double; lib/quant/scheme.ts has it
// too
struct RangeCodes {
  float scale;
  int32_t zero;
  View scaleView, zeroView;
  double axis = 0, low = 0, high;

  RangeCodes(const View& range, double qmax) : high(qmax) {
    EXPECT(range.dtype == Dtype::float32 && range.size() == 3);
    const double least = fmin(range.as<float>()[0], 0), most = fmax(range.as<float>()[1], 0);
    scale = static_cast<float>((most - least) / qmax);
    if (!(scale > 0x1p-100f)) scale = 1;
    zero = static_cast<int32_t>(fmax(0, fmin(nearbyint(-least / scale), qmax)));
    scaleView = {&scale, Dtype::float32, 0, {}};
    zeroView = {&zero, Dtype::int32, 0, {}};
  }
  RangeCodes(const RangeCodes&) = delete;
};

INLINE bool isWaiting(const View& range, double delay) { return range.as<float>()[2] < delay; }

INLINE void copyAll(const View& from, const View& to) {
  EXPECT(from.dtype == Dtype::float32 && to.dtype == Dtype::float32 && from.size() == to.size());
  const float* source = from.as<float>();
  float* target = to.as<float>();
  parallel(from.size(), kElementGrain, [=](int64_t begin, int64_t end) {
    if (end > begin) memcpy(target + begin, source + begin, static_cast<size_t>(end - begin) * sizeof(float));
  });
}

template <class Row> INLINE bool fakeQuantizeInRange(const fakeQuantizeRange_call& c, Row row) {
  if (isWaiting(c.range, c.delay)) return copyAll(c.x, c.y), true;
  RangeCodes codes(c.range, c.qmax);
  return row(fakeQuantize_call{c.x, codes.scaleView, codes.zeroView, c.y, {&codes.axis, 1}, {&codes.low, 1}, {&codes.high, 1}});
}

template <class Row> INLINE bool fakeQuantizeInRangeGrad(const fakeQuantizeRangeGrad_call& c, Row row) {
  if (isWaiting(c.range, c.delay)) return copyAll(c.dy, c.dx), true;
  RangeCodes codes(c.range, c.qmax);
  return row(fakeQuantizeGrad_call{c.dy, c.x, codes.scaleView, codes.zeroView, c.dx, {&codes.axis, 1}, {&codes.low, 1}, {&codes.high, 1}});
}

}  // namespace
}  // namespace lowbit
