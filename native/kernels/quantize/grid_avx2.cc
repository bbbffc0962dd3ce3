#include "grid_tiles.h"
#include "range.h"

namespace lowbit {

bool quantize_avx2(const quantize_call& c) { return quantizeTiled(c); }
bool dequantize_avx2(const dequantize_call& c) { return dequantizeTiled(c); }
bool fakeQuantize_avx2(const fakeQuantize_call& c) { return fakeQuantizeTiled(c); }
bool fakeQuantizeGrad_avx2(const fakeQuantizeGrad_call& c) { return fakeQuantizeGradTiled(c); }
bool fakeQuantizeRange_avx2(const fakeQuantizeRange_call& c) {
  return fakeQuantizeInRange(c, [](const fakeQuantize_call& fake) { return fakeQuantizeTiled(fake); });
}
bool fakeQuantizeRangeGrad_avx2(const fakeQuantizeRangeGrad_call& c) {
  return fakeQuantizeInRangeGrad(c, [](const fakeQuantizeGrad_call& fake) { return fakeQuantizeGradTiled(fake); });
}

}  // namespace lowbit
