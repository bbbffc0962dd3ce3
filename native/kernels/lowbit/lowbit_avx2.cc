#include "../../cpu/int8/vector_avx2.h"
#include "lowbit_panels.h"

namespace lowbit {

bool lowbitGemm_avx2(const lowbitGemm_call& c) { return lowbitGemm<LowbitVector>(c); }
bool lowbitConv2d_avx2(const lowbitConv2d_call& c) { return lowbitConv2d<LowbitVector>(c); }

}  // namespace lowbit
