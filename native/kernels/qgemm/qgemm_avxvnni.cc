#include "qgemm_panels.h"
#include "vector_avxvnni.h"

namespace lowbit {

bool qgemm_avxvnni(const qgemm_call& c) { return gemm<Vector>(c); }

}  // namespace lowbit
