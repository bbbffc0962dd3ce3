#include "lowbitConv2dFloat_tiles.h"

namespace lowbit {

bool lowbitConv2dFloat_avx512(const lowbitConv2dFloat_call& call) { return lowbitConvolution(call); }

}  // namespace lowbit
