#include "../../cpu/int8/vector_avx2.h"
#include "qgemm_panels.h"

namespace lowbit {

bool qgemm_avx2(const qgemm_call& c) { return gemm<Vector>(c); }

}  // namespace lowbit
