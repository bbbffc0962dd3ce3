#include "convWeightGrad_tiles.h"

namespace lowbit {

bool conv2dWeightGrad_avx512(const conv2dWeightGrad_call& call) { return conv2dWeightGradTiled(call); }

}  // namespace lowbit
