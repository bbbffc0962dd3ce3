#include "../../cpu/int8/vector_avxvnni.h"
#include "qgemm_panels.h"

namespace lowbit {

bool qgemm_avxvnni(const qgemm_call& c) { return gemm<Vector>(c); }

}  // namespace lowbit
