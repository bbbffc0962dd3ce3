#include "qgemm_panels.h"
#include "vector_avx512vnni.h"

namespace lowbit {

bool qgemm_avx512vnni(const qgemm_call& c) { return gemm<Vector>(c); }

}  // namespace lowbit
