#include "../../cpu/int8/vector_avx512vnni.h"
#include "lowbit_panels.h"

namespace lowbit {

bool lowbitGemm_avx512vnni(const lowbitGemm_call& c) { return lowbitGemm<LowbitVector>(c); }
bool lowbitConv2d_avx512vnni(const lowbitConv2d_call& c) { return lowbitConv2d<LowbitVector>(c); }

}  // namespace lowbit
