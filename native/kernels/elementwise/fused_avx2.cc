#include "fused_rows.h"

namespace lowbit {

bool fusedElementwise_avx2(const fusedElementwise_call& c) { return fusedInBlocks(c); }

}  // namespace lowbit
