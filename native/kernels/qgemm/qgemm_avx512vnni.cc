#include "../../cpu/int8/vector_avx512vnni.h"
#include "qgemm_panels.h"

namespace lowbit {

bool qgemm_avx512vnni(const qgemm_call& c) { return gemm<Vector>(c); }

}  // namespace lowbit
