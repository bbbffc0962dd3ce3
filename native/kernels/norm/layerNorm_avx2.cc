#include "layerNorm_rows.h"

namespace lowbit {

bool layerNorm_avx2(const layerNorm_call& c) { return layerNormLines(c); }
bool layerNormInputGrad_avx2(const layerNormInputGrad_call& c) { return layerNormInputGradLines(c); }
bool layerNormScaleGrad_avx2(const layerNormScaleGrad_call& c) { return layerNormScaleGradLines(c); }

}  // namespace lowbit
