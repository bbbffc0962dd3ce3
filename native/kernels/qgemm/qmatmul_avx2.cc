#include "../../cpu/int8/vector_avx2.h"
#include "qmatmul_panels.h"

namespace lowbit {

bool qmatmul_avx2(const qmatmul_call& c) { return matmul<Vector>(c); }

}  // namespace lowbit
