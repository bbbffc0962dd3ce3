#include "gradient_rows.h"

namespace lowbit {

bool clipGrad_avx512(const clipGrad_call& c) { return clipGradRow(c); }
bool leakyReluGrad_avx512(const leakyReluGrad_call& c) { return leakyReluGradRow(c); }
bool hardSigmoidGrad_avx512(const hardSigmoidGrad_call& c) { return hardSigmoidGradRow(c); }
bool hardSwishGrad_avx512(const hardSwishGrad_call& c) { return hardSwishGradRow(c); }
bool eluGrad_avx512(const eluGrad_call& c) { return eluGradRow(c); }
bool maximumGrad_avx512(const maximumGrad_call& c) { return maximumGradRow(c); }

}  // namespace lowbit
