#include "layerNorm_rows.h"

namespace lowbit {

bool layerNorm_avx512(const layerNorm_call& c) { return layerNormLines(c); }
bool layerNormInputGrad_avx512(const layerNormInputGrad_call& c) { return layerNormInputGradLines(c); }
bool layerNormScaleGrad_avx512(const layerNormScaleGrad_call& c) { return layerNormScaleGradLines(c); }

}  // namespace lowbit
