#include "crossEntropy_rows.h"

namespace lowbit {

bool crossEntropy_avx512(const crossEntropy_call& c) { return crossEntropyRows(c); }
bool crossEntropyGrad_avx512(const crossEntropyGrad_call& c) { return crossEntropyGradRows(c); }

}  // namespace lowbit
