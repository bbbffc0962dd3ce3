#include "grid_tiles.h"
#include "range.h"

namespace lowbit {

bool quantize_avx512(const quantize_call& c) { return quantizeTiled(c); }
bool dequantize_avx512(const dequantize_call& c) { return dequantizeTiled(c); }
bool fakeQuantize_avx512(const fakeQuantize_call& c) { return fakeQuantizeTiled(c); }
bool fakeQuantizeGrad_avx512(const fakeQuantizeGrad_call& c) { return fakeQuantizeGradTiled(c); }
bool fakeQuantizeRange_avx512(const fakeQuantizeRange_call& c) {
  return fakeQuantizeInRange(c, [](const fakeQuantize_call& fake) { return fakeQuantizeTiled(fake); });
}
bool fakeQuantizeRangeGrad_avx512(const fakeQuantizeRangeGrad_call& c) {
  return fakeQuantizeInRangeGrad(c, [](const fakeQuantizeGrad_call& fake) { return fakeQuantizeGradTiled(fake); });
}

}  // namespace lowbit
