#include "range.h"

namespace lowbit {

// next = (decay·smallest + (1 − decay)·batch's, decay·largest + (1 − decay)·batch's, seen + 1); the first batch sets the range. It holds 0.
bool followRange_reference(const followRange_call& c) {
  EXPECT(c.range.dtype == Dtype::float32 && c.range.size() == 3 && c.batch.dtype == Dtype::float32 && c.batch.size() == 2);
  const float *range = c.range.as<float>(), *batch = c.batch.as<float>();
  float* next = c.next.as<float>();
  const double keep = range[2] > 0 ? double{c.decay} : 0;
  next[0] = static_cast<float>(keep * range[0] + (1 - keep) * fmin(batch[0], 0));
  next[1] = static_cast<float>(keep * range[1] + (1 - keep) * fmax(batch[1], 0));
  next[2] = range[2] + 1;
  return true;
}

bool fakeQuantizeRange_reference(const fakeQuantizeRange_call& c) { return fakeQuantizeInRange(c, fakeQuantize_reference); }
bool fakeQuantizeRangeGrad_reference(const fakeQuantizeRangeGrad_call& c) { return fakeQuantizeInRangeGrad(c, fakeQuantizeGrad_reference); }

}  // namespace lowbit
