#include "grid_tiles.h"

namespace lowbit {

bool quantize_avx2(const quantize_call& c) { return quantizeTiled(c); }
bool dequantize_avx2(const dequantize_call& c) { return dequantizeTiled(c); }
bool fakeQuantize_avx2(const fakeQuantize_call& c) { return fakeQuantizeTiled(c); }
bool fakeQuantizeGrad_avx2(const fakeQuantizeGrad_call& c) { return fakeQuantizeGradTiled(c); }

}  // namespace lowbit
