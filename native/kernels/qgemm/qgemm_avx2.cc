#include "qgemm_panels.h"
#include "vector_avx2.h"

namespace lowbit {

bool qgemm_avx2(const qgemm_call& c) { return gemm<Vector>(c); }

}  // namespace lowbit
