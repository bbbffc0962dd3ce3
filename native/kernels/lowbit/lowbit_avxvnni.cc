#include "../../cpu/int8/vector_avxvnni.h"
#include "lowbit_panels.h"

namespace lowbit {

bool lowbitGemm_avxvnni(const lowbitGemm_call& c) { return lowbitGemm<LowbitVector>(c); }
bool lowbitConv2d_avxvnni(const lowbitConv2d_call& c) { return lowbitConv2d<LowbitVector>(c); }

}  // namespace lowbit
