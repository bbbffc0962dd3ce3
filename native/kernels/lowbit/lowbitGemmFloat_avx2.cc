#include "lowbitGemmFloat_tiles.h"

namespace lowbit {

bool lowbitGemmFloat_avx2(const lowbitGemmFloat_call& call) { return lowbitGemmTiled(call); }

}  // namespace lowbit
