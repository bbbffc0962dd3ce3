#include "lowbitGemmFloat_tiles.h"

namespace lowbit {

bool lowbitGemmFloat_avx512(const lowbitGemmFloat_call& call) { return lowbitGemmTiled(call); }

}  // namespace lowbit
